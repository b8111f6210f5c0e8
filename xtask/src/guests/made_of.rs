//! What components are made of, so that they are built again only when that changed.

use crate::step::{guests_target, root};
use crate::suite;
use anyhow::{Context as _, Result, ensure};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that builds leave behind, and nothing is made of.
const LEFT_OUT: [&str; 4] = [".moot", "node_modules", "__pycache__", "target"];

/// Builds the functions of `guests/<language>/moot.toml` with this checkout's `moot`, unless the components that are there
/// were made of the same: the files in `sources` (files or folders of the checkout) and the tools' `versions`.
pub(super) fn moot_build(language: &str, functions: &[&str], sources: &[&str], versions: &str) -> Result<()> {
    let folder = guests_target().join(language);
    let note = folder.join("made-of");
    let made_of = describe(sources, versions)?;
    let all_there = || functions.iter().all(|name| folder.join(name).with_extension("wasm").is_file());
    if all_there() && std::fs::read_to_string(&note).is_ok_and(|found| found == made_of) {
        println!("    up to date");
        return Ok(());
    }
    if note.exists() {
        std::fs::remove_file(&note)?;
    }
    suite::build_moot()?;
    let manifest = root().join("guests").join(language).join("moot.toml");
    crate::step::run(
        Command::new(crate::step::target().join("debug/moot"))
            .args(["build", "--manifest"])
            .arg(&manifest)
            .args(functions),
    )?;
    ensure!(all_there(), "`moot build` went well, and not all components are in {}", folder.display());
    // Written last: what was not finished is built again.
    std::fs::write(&note, made_of).with_context(|| format!("cannot write {}", note.display()))
}

/// A line for the tools, and one for each file with its digest. Digests only tell versions apart; nobody is deceived here.
fn describe(sources: &[&str], versions: &str) -> Result<String> {
    let mut files = Vec::new();
    for source in sources {
        collect(&root().join(source), &mut files)?;
    }
    files.sort();
    let mut text = format!("{}\n", versions.trim());
    for file in files {
        let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let shown = file.strip_prefix(root()).unwrap_or(&file).display();
        text += &format!("{:016x} {shown}\n", hasher.finish());
    }
    Ok(text)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
        let entry = entry?;
        if LEFT_OUT.iter().all(|name| entry.file_name() != *name) {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn every_file_and_the_versions_are_in_it() {
        let text = describe(&["xtask/src/guests", "justfile"], "tool 1.2\n").unwrap();
        assert!(text.starts_with("tool 1.2\n"), "{text}");
        for file in ["justfile", "xtask/src/guests/made_of.rs"] {
            assert!(text.lines().any(|line| line.ends_with(file)), "{text}");
        }
        assert_ne!(text, describe(&["xtask/src/guests", "justfile"], "tool 1.3").unwrap());
        assert!(describe(&["no-such-file"], "").is_err());
    }
}
