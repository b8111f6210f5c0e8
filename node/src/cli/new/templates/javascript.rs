//! Templates in JavaScript and TypeScript.

use super::super::Template;
use super::File;
use crate::manifest::Engine;

/// The engine of a template for which none was chosen: the small one, but where the web's whole interface is wanted.
pub(super) fn engine_of(template: Template) -> Engine {
    match template {
        Template::Hello | Template::Counter => Engine::QuickJs,
        Template::Http | Template::Fetch | Template::Typed => Engine::StarlingMonkey,
    }
}

/// What an engine lacks that a template needs.
pub(super) fn lacks(template: Template, engine: Engine) -> Option<&'static str> {
    match (engine, template) {
        (Engine::StarlingMonkey, _)
        | (Engine::QuickJs, Template::Hello | Template::Http | Template::Counter | Template::Fetch) => None,
        (Engine::QuickJs, Template::Typed) => {
            Some("QuickJS has 64-bit integers to 2^53 alone, and this one has all of them")
        }
    }
}

/// What the manifest says of an engine; nothing of the one that it has without.
pub(super) fn engine_line(engine: Engine) -> &'static str {
    match engine {
        Engine::StarlingMonkey => "",
        Engine::QuickJs => {
            "# A fraction of StarlingMonkey's size. It counts 64-bit integers to 2^53.\n\
             engine = \"quickjs\"\n"
        }
    }
}

/// The files of a template in JavaScript.
pub(super) fn files(template: Template) -> &'static [File] {
    match template {
        Template::Hello => &[
            ("package.json", template!("javascript/package.json")),
            (".npmrc", template!("javascript/npmrc")),
            ("moot.toml", template!("javascript/hello/moot.toml")),
            ("src/index.js", template!("javascript/hello/index.js")),
            ("wit/world.wit", template!("javascript/hello/world.wit")),
            ("README.md", template!("javascript/hello/README.md")),
        ],
        Template::Http => &[
            ("package.json", template!("javascript/package.json")),
            (".npmrc", template!("javascript/npmrc")),
            ("moot.toml", template!("javascript/http/moot.toml")),
            ("src/index.js", template!("javascript/http/index.js")),
            ("README.md", template!("javascript/http/README.md")),
        ],
        Template::Typed => &[
            ("package.json", template!("javascript/package.json")),
            (".npmrc", template!("javascript/npmrc")),
            ("moot.toml", template!("javascript/typed/moot.toml")),
            ("src/index.js", template!("javascript/typed/index.js")),
            ("wit/world.wit", template!("javascript/typed/world.wit")),
            ("README.md", template!("javascript/typed/README.md")),
        ],
        Template::Counter => &[
            ("package.json", template!("javascript/package.json")),
            (".npmrc", template!("javascript/npmrc")),
            ("moot.toml", template!("javascript/counter/moot.toml")),
            ("src/index.js", template!("javascript/counter/index.js")),
            ("wit/world.wit", template!("javascript/counter/world.wit")),
            ("README.md", template!("javascript/counter/README.md")),
        ],
        Template::Fetch => &[
            ("package.json", template!("javascript/package.json")),
            (".npmrc", template!("javascript/npmrc")),
            ("moot.toml", template!("javascript/fetch/moot.toml")),
            ("src/index.js", template!("javascript/fetch/index.js")),
            ("README.md", template!("javascript/fetch/README.md")),
        ],
    }
}

/// The files of a template in TypeScript.
pub(super) fn typed_files(template: Template) -> &'static [File] {
    match template {
        Template::Hello => &[
            ("package.json", template!("javascript/package.typed.json")),
            ("tsconfig.json", template!("javascript/tsconfig.json")),
            (".npmrc", template!("javascript/npmrc")),
            ("moot.toml", template!("javascript/hello/moot.toml")),
            ("src/index.ts", template!("javascript/hello/index.ts")),
            ("wit/world.wit", template!("javascript/hello/world.wit")),
            ("README.md", template!("javascript/hello/README.md")),
        ],
        Template::Http => &[
            ("package.json", template!("javascript/package.typed.json")),
            ("tsconfig.json", template!("javascript/tsconfig.json")),
            (".npmrc", template!("javascript/npmrc")),
            ("moot.toml", template!("javascript/http/moot.toml")),
            ("src/index.ts", template!("javascript/http/index.ts")),
            ("README.md", template!("javascript/http/README.md")),
        ],
        Template::Typed => &[
            ("package.json", template!("javascript/package.typed.json")),
            ("tsconfig.json", template!("javascript/tsconfig.json")),
            (".npmrc", template!("javascript/npmrc")),
            ("moot.toml", template!("javascript/typed/moot.toml")),
            ("src/index.ts", template!("javascript/typed/index.ts")),
            ("wit/world.wit", template!("javascript/typed/world.wit")),
            ("README.md", template!("javascript/typed/README.md")),
        ],
        Template::Counter => &[
            ("package.json", template!("javascript/package.typed.json")),
            ("tsconfig.json", template!("javascript/tsconfig.json")),
            (".npmrc", template!("javascript/npmrc")),
            ("moot.toml", template!("javascript/counter/moot.toml")),
            ("src/index.ts", template!("javascript/counter/index.ts")),
            ("wit/world.wit", template!("javascript/counter/world.wit")),
            ("README.md", template!("javascript/counter/README.md")),
        ],
        Template::Fetch => &[
            ("package.json", template!("javascript/package.typed.json")),
            ("tsconfig.json", template!("javascript/tsconfig.json")),
            (".npmrc", template!("javascript/npmrc")),
            ("moot.toml", template!("javascript/fetch/moot.toml")),
            ("src/index.ts", template!("javascript/fetch/index.ts")),
            ("README.md", template!("javascript/fetch/README.md")),
        ],
    }
}

/// What git is to leave out.
pub(super) const IGNORED: &str = "/.moot\n/dist\n/node_modules\n";
