//! Generated from `../wit`: the interfaces of `moot:function` and `wasi:logging`.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated code; the WIT has the documentation"
)]

wasmtime::component::bindgen!({
    path: "../wit",
    inline: "
        package moot:embedding;
        world function {
            import moot:function/context@0.1.0;
            import moot:function/ledger@0.1.0;
            import wasi:logging/logging@0.1.0-draft;
            export moot:function/handler@0.1.0;
        }
    ",
    world: "moot:embedding/function",
    imports: {
        "moot:function/ledger": async | trappable,
        "moot:function/context.fuel-left": store | trappable,
        default: trappable,
    },
    exports: { default: async },
    require_store_data_send: true,
});
