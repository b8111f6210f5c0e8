//! The templates, carried in the binary: `templates/` of this crate, and the interfaces of `wit/`.
//!
//! `{{name}}` and `{{crate}}` in a template stand for the function's name and for the same with underscores.

use moot_record::FunctionName;

use super::Template;

/// How every Rust template is built.
pub(super) const BUILD: &str = "cargo build --release --target wasm32-wasip2";

/// A file of the checkout, in the binary.
macro_rules! file {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path))
    };
}

/// The interfaces of `wit/`, where a project keeps them.
const WIT: [(&str, &str); 20] = [
    ("wit/deps/moot-function/types.wit", file!("../wit/types.wit")),
    ("wit/deps/moot-function/handler.wit", file!("../wit/handler.wit")),
    ("wit/deps/moot-function/context.wit", file!("../wit/context.wit")),
    ("wit/deps/moot-function/ledger.wit", file!("../wit/ledger.wit")),
    ("wit/deps/moot-function/worlds.wit", file!("../wit/worlds.wit")),
    ("wit/deps/cli.wit", file!("../wit/deps/cli.wit")),
    ("wit/deps/clocks.wit", file!("../wit/deps/clocks.wit")),
    ("wit/deps/filesystem.wit", file!("../wit/deps/filesystem.wit")),
    ("wit/deps/http.wit", file!("../wit/deps/http.wit")),
    ("wit/deps/io.wit", file!("../wit/deps/io.wit")),
    ("wit/deps/logging.wit", file!("../wit/deps/logging.wit")),
    ("wit/deps/random.wit", file!("../wit/deps/random.wit")),
    ("wit/deps/sockets.wit", file!("../wit/deps/sockets.wit")),
    ("wit/deps/config/store.wit", file!("../wit/deps/config/store.wit")),
    ("wit/deps/config/world.wit", file!("../wit/deps/config/world.wit")),
    ("wit/deps/keyvalue/store.wit", file!("../wit/deps/keyvalue/store.wit")),
    ("wit/deps/keyvalue/atomic.wit", file!("../wit/deps/keyvalue/atomic.wit")),
    ("wit/deps/keyvalue/batch.wit", file!("../wit/deps/keyvalue/batch.wit")),
    ("wit/deps/keyvalue/watch.wit", file!("../wit/deps/keyvalue/watch.wit")),
    ("wit/deps/keyvalue/world.wit", file!("../wit/deps/keyvalue/world.wit")),
];

/// Not copied into projects.
#[cfg(test)]
const LEFT_OUT: &str = "README.md";

/// The files of a new project, with their paths in it.
pub(super) fn files(template: Template, name: &FunctionName) -> Vec<(&'static str, String)> {
    let (own, wit): (&[(&str, &str)], bool) = match template {
        Template::Hello => (
            &[
                ("Cargo.toml", file!("templates/rust/Cargo.bindgen.toml")),
                ("moot.toml", file!("templates/rust/hello/moot.toml")),
                ("src/lib.rs", file!("templates/rust/hello/lib.rs")),
                ("wit/world.wit", file!("templates/rust/hello/world.wit")),
                ("README.md", file!("templates/rust/hello/README.md")),
            ],
            true,
        ),
        Template::Http => (
            &[
                ("Cargo.toml", file!("templates/rust/Cargo.wstd.toml")),
                ("moot.toml", file!("templates/rust/http/moot.toml")),
                ("src/lib.rs", file!("templates/rust/http/lib.rs")),
                ("README.md", file!("templates/rust/http/README.md")),
            ],
            false,
        ),
        Template::Typed => (
            &[
                ("Cargo.toml", file!("templates/rust/Cargo.bindgen.toml")),
                ("moot.toml", file!("templates/rust/typed/moot.toml")),
                ("src/lib.rs", file!("templates/rust/typed/lib.rs")),
                ("wit/world.wit", file!("templates/rust/typed/world.wit")),
                ("README.md", file!("templates/rust/typed/README.md")),
            ],
            true,
        ),
        Template::Counter => (
            &[
                ("Cargo.toml", file!("templates/rust/Cargo.bindgen.toml")),
                ("moot.toml", file!("templates/rust/counter/moot.toml")),
                ("src/lib.rs", file!("templates/rust/counter/lib.rs")),
                ("wit/world.wit", file!("templates/rust/counter/world.wit")),
                ("README.md", file!("templates/rust/counter/README.md")),
            ],
            true,
        ),
    };
    let mut files: Vec<_> = own.iter().map(|(path, text)| (*path, fill(text, name))).collect();
    files.push((".gitignore", "/target\n/.moot\n".to_owned()));
    if wit {
        files.extend(WIT.iter().map(|(path, text)| (*path, (*text).to_owned())));
    }
    files
}

fn fill(text: &str, name: &FunctionName) -> String {
    text.replace("{{name}}", name.as_str()).replace("{{crate}}", &name.as_str().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;
    use clap::ValueEnum as _;
    use std::path::{Path, PathBuf};

    #[test]
    fn every_template_has_a_manifest_that_reads() {
        let name = FunctionName::parse("my-function").unwrap();
        for template in Template::value_variants() {
            let files = files(*template, &name);
            for (path, text) in &files {
                assert!(!text.contains("{{"), "{template:?} {path}: something was left to fill in");
            }
            let (_, text) = files.iter().find(|(path, _)| *path == "moot.toml").unwrap();
            let manifest = Manifest::parse(text, Path::new("moot.toml")).unwrap();
            let [function] = manifest.functions.as_slice() else { panic!("{template:?}") };
            assert_eq!(function.name, name);
            assert!(function.component.ends_with("release/my_function.wasm"), "{template:?}");
            assert_eq!(function.build.as_deref(), Some(BUILD));
        }
    }

    #[test]
    fn the_interfaces_are_those_of_the_checkout() {
        // The list above is written by hand: a file added to wit/ must reach new projects.
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
            .map(|(path, _)| path.strip_prefix("wit/").unwrap())
            .map(|path| PathBuf::from(path.strip_prefix("deps/moot-function/").unwrap_or(path)))
            .collect();
        expected.sort();
        carried.sort();
        assert_eq!(carried, expected);
    }
}
