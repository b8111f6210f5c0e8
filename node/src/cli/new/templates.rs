//! The templates, carried in the binary: `templates/` of this crate, a file here for each language.
//!
//! `{{name}}` and `{{crate}}` in a template stand for the function's name and for the same with underscores;
//! `{{extension}}` for that of JavaScript's or TypeScript's files, `{{engine}}` for the line that names QuickJS, or
//! nothing.

use std::borrow::Cow;

use moot_record::FunctionName;

use super::super::build::interfaces;
use super::super::failure::Failure;
use super::{Language, Template};
use crate::manifest::Engine;

/// A path in the project, and the text to be filled in.
type File = (&'static str, &'static str);

/// A template of the checkout, in the binary.
macro_rules! template {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/", $path))
    };
}

// After the macro, which they use.
mod go;
mod javascript;
mod python;
mod rust;

/// Refuses a name that the language cannot have.
pub(super) fn check_name(language: Language, name: &FunctionName) -> anyhow::Result<()> {
    if language == Language::Rust && rust::RESERVED.contains(&name.as_str()) {
        let message = format!("a Rust crate cannot be called {name}: the language or cargo uses that word");
        return Err(Failure::usage(message).hint(format!("choose another, such as my-{name}")).into());
    }
    Ok(())
}

/// Refuses an engine where there is none to choose, or where the template needs what it lacks.
pub(super) fn check_engine(
    language: Language,
    template: Template,
    engine: Option<Engine>,
) -> anyhow::Result<()> {
    let Some(engine) = engine else { return Ok(()) };
    if !matches!(language, Language::Js | Language::Ts) {
        let message = format!("--engine {} is for JavaScript alone: --lang js or ts", engine.as_str());
        return Err(Failure::usage(message).hint("leave --engine out, or choose another --lang").into());
    }
    match javascript::lacks(template, engine) {
        None => Ok(()),
        Some(lack) => {
            let message = format!("this template cannot have --engine {}: {lack}", engine.as_str());
            let hint = "leave --engine out, or begin with another --template";
            Err(Failure::usage(message).hint(hint).into())
        }
    }
}

/// The files of a new project, with their paths in it.
pub(super) fn files(
    language: Language,
    template: Template,
    engine: Option<Engine>,
    name: &FunctionName,
) -> Vec<(Cow<'static, str>, String)> {
    let (own, ignored, carries_wit) = match language {
        Language::Rust => (rust::files(template), rust::IGNORED, rust::CARRIES_WIT),
        Language::Js => (javascript::files(template), javascript::IGNORED, false),
        Language::Ts => (javascript::typed_files(template), javascript::IGNORED, false),
        Language::Python => (python::files(template), python::IGNORED, false),
        Language::Go => (go::files(template), go::IGNORED, false),
    };
    let extension = if language == Language::Ts { "ts" } else { "js" };
    let engine = javascript::engine_line(engine.unwrap_or_else(|| javascript::engine_of(template)));
    let fill =
        |text: &str| fill(text, name).replace("{{extension}}", extension).replace("{{engine}}", engine);
    let mut files: Vec<_> = own.iter().map(|(path, text)| (Cow::from(*path), fill(text))).collect();
    files.push((".gitignore".into(), ignored.to_owned()));
    if carries_wit && own.iter().any(|(path, _)| path.starts_with("wit/")) {
        let carried = interfaces::WIT.iter();
        files.extend(carried.map(|(path, text)| (format!("wit/{path}").into(), (*text).to_owned())));
    }
    files
}

fn fill(text: &str, name: &FunctionName) -> String {
    text.replace("{{name}}", name.as_str()).replace("{{crate}}", &name.as_str().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Build, FunctionManifest, Manifest};
    use clap::ValueEnum as _;
    use std::path::Path;

    fn each(language: Language, check: impl Fn(&FunctionManifest)) {
        let name = FunctionName::parse("my-function").unwrap();
        for template in Template::value_variants() {
            let files = files(language, *template, None, &name);
            for (path, text) in &files {
                assert!(!text.contains("{{"), "{template:?} {path}: something was left to fill in");
            }
            let (_, text) = files.iter().find(|(path, _)| path == "moot.toml").unwrap();
            let manifest = Manifest::parse(text, Path::new("moot.toml")).unwrap();
            let [function] = manifest.functions.as_slice() else { panic!("{template:?}") };
            assert_eq!(function.name, name);
            // What a manifest refers to is there.
            if let Some(Build::Language(build)) = &function.build {
                let there = |path: &str| files.iter().any(|(there, _)| there.starts_with(path));
                assert!(there(&build.source), "{template:?}: {}", build.source);
                let wit = build.interfaces.as_ref().map(|interfaces| interfaces.wit.as_str());
                assert!(wit.is_none_or(there), "{template:?}: {wit:?}");
            }
            check(function);
        }
    }

    #[test]
    fn every_template_in_rust_has_a_manifest_that_reads() {
        each(Language::Rust, |function| {
            assert!(function.component.ends_with("release/my_function.wasm"));
            let build = Build::Command("cargo build --release --target wasm32-wasip2".to_owned());
            assert_eq!(function.build, Some(build));
        });
    }

    #[test]
    fn every_template_in_javascript_has_a_manifest_that_reads() {
        for language in [Language::Js, Language::Ts] {
            each(language, |function| {
                assert!(function.component.ends_with("dist/my-function.wasm"));
                let Some(Build::Language(build)) = &function.build else { panic!("{function:?}") };
                assert_eq!(build.language, crate::manifest::Language::JavaScript);
            });
        }
    }

    #[test]
    fn the_engine_that_was_chosen_is_the_manifest_s_and_else_the_template_s() {
        let name = FunctionName::parse("my-function").unwrap();
        for template in Template::value_variants() {
            for chosen in [None, Some(Engine::StarlingMonkey), Some(Engine::QuickJs)] {
                if check_engine(Language::Ts, *template, chosen).is_err() {
                    assert_eq!(chosen, Some(Engine::QuickJs), "{template:?}");
                    assert_eq!(*template, Template::Typed);
                    continue;
                }
                let files = files(Language::Ts, *template, chosen, &name);
                let (_, text) = files.iter().find(|(path, _)| path == "moot.toml").unwrap();
                let manifest = Manifest::parse(text, Path::new("moot.toml")).unwrap();
                let Some(Build::Language(build)) = &manifest.functions[0].build else { panic!("{text}") };
                assert_eq!(
                    build.engine,
                    chosen.unwrap_or_else(|| javascript::engine_of(*template)),
                    "{text}"
                );
            }
        }
        let wrong = check_engine(Language::Rust, Template::Hello, Some(Engine::QuickJs)).unwrap_err();
        assert!(wrong.to_string().contains("for JavaScript alone"), "{wrong}");
    }

    #[test]
    fn every_template_in_python_and_go_names_its_language_and_a_world_that_is_there() {
        let name = FunctionName::parse("my-function").unwrap();
        for (language, in_manifest) in [
            (Language::Python, crate::manifest::Language::Python),
            (Language::Go, crate::manifest::Language::Go),
        ] {
            for template in Template::value_variants() {
                let files = files(language, *template, None, &name);
                for (path, text) in &files {
                    assert!(!text.contains("{{"), "{template:?} {path}: something was left to fill in");
                }
                let find = |wanted: &str| files.iter().find(|(path, _)| path == wanted).map(|(_, text)| text);
                let manifest = Manifest::parse(find("moot.toml").unwrap(), Path::new("moot.toml")).unwrap();
                let [function] = manifest.functions.as_slice() else { panic!("{template:?}") };
                assert_eq!(function.name, name);
                let Some(Build::Language(build)) = &function.build else { panic!("{template:?}") };
                assert_eq!(build.language, in_manifest);
                assert_eq!(build.interfaces.is_some(), find("wit/world.wit").is_some(), "{template:?}");
                if let Some(go_mod) = find("go.mod") {
                    let (path, version) = super::super::super::build::go::SUPPORT;
                    assert!(go_mod.contains(&format!("require {path} {version}")), "{go_mod}");
                    assert!(find("go.sum").unwrap().contains(&format!("{path} {version} h1:")));
                    assert!(go_mod.contains("./.moot/build/my-function/go"), "{go_mod}");
                }
            }
        }
    }
}
