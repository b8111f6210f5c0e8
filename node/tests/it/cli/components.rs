//! Components small enough to be written by hand: no toolchain is needed to test what becomes of them.

/// A typed component: `add`, `divide` (traps on zero), and `greeting` with a constant as its answer.
///
/// `extra` is put into `add`, so that different numbers make different components with the same interface.
pub(crate) fn calculator(extra: i32) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (data (i32.const 0) "\08\00\00\00\05\00\00\00hello")
                (func (export "add") (param i32 i32) (result i32)
                    (i32.add (i32.const {extra}) (i32.add (local.get 0) (local.get 1))))
                (func (export "divide") (param i32 i32) (result i32)
                    (i32.div_u (local.get 0) (local.get 1)))
                (func (export "greeting") (result i32) (i32.const 0)))
            (core instance $i (instantiate $m))
            (func (export "add") (param "a" u32) (param "b" u32) (result u32)
                (canon lift (core func $i "add")))
            (func (export "divide") (param "dividend" u32) (param "divisor" u32) (result u32)
                (canon lift (core func $i "divide")))
            (func (export "greeting") (result string)
                (canon lift (core func $i "greeting") (memory (core memory $i "memory")))))"#
    ))
    .unwrap()
}

/// A component that imports what no manifest here grants.
pub(crate) fn wants_randomness() -> Vec<u8> {
    wat::parse_str(
        r#"(component
            (import "wasi:random/random@0.2.0" (instance $random
                (export "get-random-u64" (func (result u64)))))
            (core func $draw (canon lower (func $random "get-random-u64")))
            (core module $m
                (import "random" "draw" (func $draw (result i64)))
                (func (export "draw") (result i64) (call $draw)))
            (core instance $i (instantiate $m (with "random" (instance (export "draw" (func $draw))))))
            (func (export "draw") (result u64) (canon lift (core func $i "draw"))))"#,
    )
    .unwrap()
}

/// A core module, which is not a component.
pub(crate) fn core_module() -> Vec<u8> {
    wat::parse_str(r#"(module (func (export "add") (param i32 i32) (result i32) local.get 0))"#).unwrap()
}
