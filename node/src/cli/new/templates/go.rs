//! Templates in Go.

use super::super::Template;
use super::File;

/// What git is to leave out.
pub(super) const IGNORED: &str = "/.moot\n/*.wasm\n";

/// The files of a template.
pub(super) fn files(template: Template) -> &'static [File] {
    match template {
        Template::Hello => &[
            ("go.mod", template!("go/go.mod")),
            ("go.sum", template!("go/go.sum")),
            ("moot.toml", template!("go/hello/moot.toml")),
            ("main.go", template!("go/hello/main.go")),
            ("wit/world.wit", template!("rust/hello/world.wit")),
            ("README.md", template!("go/hello/README.md")),
        ],
        Template::Http => &[
            ("go.mod", template!("go/go.mod")),
            ("go.sum", template!("go/go.sum")),
            ("moot.toml", template!("go/http/moot.toml")),
            ("main.go", template!("go/http/main.go")),
            ("README.md", template!("go/http/README.md")),
        ],
        Template::Typed => &[
            ("go.mod", template!("go/go.mod")),
            ("go.sum", template!("go/go.sum")),
            ("moot.toml", template!("go/typed/moot.toml")),
            ("main.go", template!("go/typed/main.go")),
            ("wit/world.wit", template!("rust/typed/world.wit")),
            ("README.md", template!("go/typed/README.md")),
        ],
        Template::Counter => &[
            ("go.mod", template!("go/go.mod")),
            ("go.sum", template!("go/go.sum")),
            ("moot.toml", template!("go/counter/moot.toml")),
            ("main.go", template!("go/counter/main.go")),
            ("wit/world.wit", template!("rust/counter/world.wit")),
            ("README.md", template!("go/counter/README.md")),
        ],
        Template::Fetch => &[
            ("go.mod", template!("go/go.mod")),
            ("go.sum", template!("go/go.sum")),
            ("moot.toml", template!("go/fetch/moot.toml")),
            ("main.go", template!("go/fetch/main.go")),
            ("wit/world.wit", template!("python/fetch/world.wit")),
            ("README.md", template!("go/fetch/README.md")),
        ],
    }
}
