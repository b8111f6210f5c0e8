//! The interfaces of `wit/`, carried in the binary, and a project's own WIT made whole with them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::super::failure::Failure;
use crate::limits::{MAX_WIT_DEPTH, MAX_WIT_FILES};

/// A file of the checkout, in the binary.
macro_rules! wit {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit/", $path))
    };
}

/// The interfaces of `wit/`, where a project keeps them: below its own `wit` folder.
pub(crate) const WIT: [(&str, &str); 20] = [
    ("deps/moot-function/types.wit", wit!("types.wit")),
    ("deps/moot-function/handler.wit", wit!("handler.wit")),
    ("deps/moot-function/context.wit", wit!("context.wit")),
    ("deps/moot-function/ledger.wit", wit!("ledger.wit")),
    ("deps/moot-function/worlds.wit", wit!("worlds.wit")),
    ("deps/cli.wit", wit!("deps/cli.wit")),
    ("deps/clocks.wit", wit!("deps/clocks.wit")),
    ("deps/filesystem.wit", wit!("deps/filesystem.wit")),
    ("deps/http.wit", wit!("deps/http.wit")),
    ("deps/io.wit", wit!("deps/io.wit")),
    ("deps/logging.wit", wit!("deps/logging.wit")),
    ("deps/random.wit", wit!("deps/random.wit")),
    ("deps/sockets.wit", wit!("deps/sockets.wit")),
    ("deps/config/store.wit", wit!("deps/config/store.wit")),
    ("deps/config/world.wit", wit!("deps/config/world.wit")),
    ("deps/keyvalue/store.wit", wit!("deps/keyvalue/store.wit")),
    ("deps/keyvalue/atomic.wit", wit!("deps/keyvalue/atomic.wit")),
    ("deps/keyvalue/batch.wit", wit!("deps/keyvalue/batch.wit")),
    ("deps/keyvalue/watch.wit", wit!("deps/keyvalue/watch.wit")),
    ("deps/keyvalue/world.wit", wit!("deps/keyvalue/world.wit")),
];

/// Not copied into projects.
#[cfg(test)]
const LEFT_OUT: &str = "README.md";

/// Writes the WIT of the folder `own` to `whole`, with the carried packages that it does not hold itself.
pub(super) fn write(own: Option<&Path>, whole: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(whole) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace {}", whole.display()));
        }
        _ => {}
    }
    let files = match own {
        Some(own) => read(own).with_context(|| format!("cannot read {}", own.display()))?,
        None => Vec::new(),
    };
    let mut held: Vec<String> = files.iter().filter_map(|(_, text)| package(text)).collect();
    for (path, text) in &files {
        put(&whole.join(path), text)?;
    }
    // A package may be spread over files, of which only one must say its name: a folder is one package.
    held.sort();
    for (path, text) in WIT.iter().filter(|(path, _)| !held.contains(&package_of_folder(path))) {
        put(&whole.join(path), text)?;
    }
    Ok(())
}

pub(super) fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, text)).with_context(|| format!("cannot write {}", path.display()))
}

/// Every `.wit` file below a folder, by its path in it.
pub(super) fn read(folder: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((place, depth)) = folders.pop() {
        for entry in std::fs::read_dir(place)? {
            let path = entry?.path();
            if path.is_dir() && depth < MAX_WIT_DEPTH {
                folders.push((path, depth + 1));
            } else if path.extension().is_some_and(|extension| extension == "wit") {
                let below = path.strip_prefix(folder)?.to_owned();
                files.push((below, std::fs::read_to_string(&path)?));
            }
            if files.len() > MAX_WIT_FILES {
                return Err(Failure::new(format!("there are more than {MAX_WIT_FILES} .wit files"))
                    .hint("`wit` in the manifest must be the folder of the world alone")
                    .into());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The package that a file says it belongs to, with its version: `wasi:http@0.2.12`.
pub(super) fn package(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim_start).find_map(|line| line.strip_prefix("package "))?;
    Some(line.split(';').next().unwrap_or_default().trim().to_owned())
}

/// The package of the carried files in the folder of `path`, or of that file alone when it lies in `deps` itself.
fn package_of_folder(path: &str) -> String {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let same = WIT.iter().filter(|(other, _)| match folder {
        "deps" => *other == path,
        folder => other.rsplit_once('/').is_some_and(|(place, _)| place == folder),
    });
    same.filter_map(|(_, text)| package(text)).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interfaces_are_those_of_the_checkout() {
        // The list above is written by hand: a file added to wit/ must reach projects.
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
        let mut folders = vec![wit.clone()];
        let mut expected = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    expected.push(path.strip_prefix(&wit).unwrap().to_owned());
                }
            }
        }
        expected.retain(|path| path != Path::new(LEFT_OUT));
        let mut carried: Vec<PathBuf> = WIT
            .iter()
            .map(|(path, _)| PathBuf::from(path.strip_prefix("deps/moot-function/").unwrap_or(path)))
            .collect();
        expected.sort();
        carried.sort();
        assert_eq!(carried, expected);
    }

    #[test]
    fn every_carried_file_belongs_to_a_package() {
        for (path, _) in WIT {
            assert!(package_of_folder(path).contains(':'), "{path}");
        }
        assert_eq!(package_of_folder("deps/moot-function/ledger.wit"), "moot:function@0.1.0");
        assert_eq!(package_of_folder("deps/http.wit"), "wasi:http@0.2.12");
    }

    #[test]
    fn what_a_project_holds_itself_is_not_written_twice() {
        let folder = tempfile::tempdir().unwrap();
        let (own, whole) = (folder.path().join("wit"), folder.path().join("whole"));
        put(&own.join("world.wit"), "package local:x;\nworld function {}\n").unwrap();
        put(&own.join("deps/other-name/all.wit"), "package wasi:io@0.2.12;\n").unwrap();
        put(&whole.join("stale.wit"), "package local:stale;\n").unwrap();
        write(Some(&own), &whole).unwrap();
        assert!(whole.join("world.wit").is_file());
        assert!(whole.join("deps/other-name/all.wit").is_file());
        assert!(whole.join("deps/http.wit").is_file());
        assert!(whole.join("deps/moot-function/types.wit").is_file());
        assert!(!whole.join("deps/io.wit").exists(), "the project has its own");
        assert!(!whole.join("stale.wit").exists());
    }

    #[test]
    fn the_platform_s_own_folder_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
        write(Some(&wit), folder.path()).unwrap();
        assert!(folder.path().join("types.wit").is_file());
        assert!(!folder.path().join("deps/moot-function").exists());
    }
}
