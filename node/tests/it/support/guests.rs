//! Components to deploy.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A Rust guest's binary, from `guests/NAME`. All are built once, by whoever asks first.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    static BUILT: OnceLock<()> = OnceLock::new();
    let target = repository().join("target/guests");
    BUILT.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--release", "--target", "wasm32-wasip2", "--manifest-path"])
            .arg(repository().join("guests/Cargo.toml"))
            .env("CARGO_TARGET_DIR", &target)
            .status()
            .unwrap();
        assert!(
            built.success(),
            "the guests do not build; is the target there? rustup target add wasm32-wasip2"
        );
    });
    let file = target.join("wasm32-wasip2/release").join(name.replace('-', "_")).with_extension("wasm");
    std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// A hostile guest's binary, from `guests/hostile/NAME.wat`.
pub(crate) fn hostile(name: &str) -> Vec<u8> {
    let path = repository().join("guests/hostile").join(name).with_extension("wat");
    wat::parse_file(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// An event function that writes values and calls other functions: see the text.
pub(crate) fn relay() -> Vec<u8> {
    wat::parse_str(include_str!("relay.wat")).unwrap()
}

/// An HTTP function that sets what a server alone may set: see the text.
pub(crate) fn framing() -> Vec<u8> {
    of_http(include_str!("framing.wat"))
}

/// A typed function that uses a secret and keeps it: see the text.
pub(crate) fn keeper() -> Vec<u8> {
    of_http(include_str!("keeper.wat"))
}

/// A text with the errors of `wasi:http`, which are many, put in where it says so.
fn of_http(text: &str) -> Vec<u8> {
    wat::parse_str(text.replace("(; error-code ;)", include_str!("error-code.wat"))).unwrap()
}

/// A typed guest whose calls take as long as one likes: `spin(n)` loops n times.
pub(crate) fn busy() -> Vec<u8> {
    let text = r#"(component
        (core module $m
            (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
            (func (export "trap") unreachable)
            (func (export "forever") (loop $again (br $again)))
            (func (export "spin") (param $n i64) (result i64) (local $i i64)
                (loop $again
                    (local.set $i (i64.add (local.get $i) (i64.const 1)))
                    (br_if $again (i64.lt_u (local.get $i) (local.get $n))))
                (local.get $i)))
        (core instance $i (instantiate $m))
        (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add")))
        (func (export "trap") (canon lift (core func $i "trap")))
        (func (export "forever") (canon lift (core func $i "forever")))
        (func (export "spin") (param "n" u64) (result u64) (canon lift (core func $i "spin"))))"#;
    wat::parse_str(text).unwrap()
}
