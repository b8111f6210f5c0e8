//! Templates in Python.

use super::super::Template;
use super::File;

/// What git is to leave out.
pub(super) const IGNORED: &str = "/.moot\n/*.wasm\n__pycache__/\n";

/// The files of a template.
pub(super) fn files(template: Template) -> &'static [File] {
    match template {
        Template::Hello => &[
            ("moot.toml", template!("python/hello/moot.toml")),
            ("app.py", template!("python/hello/app.py")),
            ("wit/world.wit", template!("rust/hello/world.wit")),
            ("README.md", template!("python/hello/README.md")),
        ],
        Template::Http => &[
            ("moot.toml", template!("python/http/moot.toml")),
            ("app.py", template!("python/http/app.py")),
            ("README.md", template!("python/http/README.md")),
        ],
        Template::Typed => &[
            ("moot.toml", template!("python/typed/moot.toml")),
            ("app.py", template!("python/typed/app.py")),
            ("wit/world.wit", template!("rust/typed/world.wit")),
            ("README.md", template!("python/typed/README.md")),
        ],
        Template::Counter => &[
            ("moot.toml", template!("python/counter/moot.toml")),
            ("app.py", template!("python/counter/app.py")),
            ("wit/world.wit", template!("rust/counter/world.wit")),
            ("README.md", template!("python/counter/README.md")),
        ],
        Template::Fetch => &[
            ("moot.toml", template!("python/fetch/moot.toml")),
            ("app.py", template!("python/fetch/app.py")),
            ("wit/world.wit", template!("python/fetch/world.wit")),
            ("README.md", template!("python/fetch/README.md")),
        ],
    }
}
