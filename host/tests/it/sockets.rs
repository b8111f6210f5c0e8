//! `wasi:sockets`: languages' libraries may import it, and there is nothing behind it.

use crate::support::{host, load, run};
use moot_host::{Fault, Policy};

/// `quiet` does nothing, `open` asks for the network.
const GUEST: &str = r#"(component
    (import "wasi:sockets/network@0.2.9" (instance $network (export "network" (type (sub resource)))))
    (alias export $network "network" (type $t))
    (import "wasi:sockets/instance-network@0.2.9" (instance $sockets
        (alias outer 1 $t (type $outer))
        (export "network" (type $own (eq $outer)))
        (export "instance-network" (func (result (own $own))))))
    (core func $open (canon lower (func $sockets "instance-network")))
    (core module $m
        (import "sockets" "open" (func $open (result i32)))
        (func (export "quiet"))
        (func (export "open") (drop (call $open))))
    (core instance $i (instantiate $m (with "sockets" (instance (export "open" (func $open))))))
    (func (export "quiet") (canon lift (core func $i "quiet")))
    (func (export "open") (canon lift (core func $i "open"))))"#;

#[tokio::test]
async fn sockets_can_be_imported_and_not_used() {
    let function = load(host(), &wat::parse_str(GUEST).unwrap(), Policy::default());
    let quiet = run(&function, "quiet").await;
    assert!(quiet.result.is_ok(), "{:?}", quiet.result);
    let open = run(&function, "open").await;
    let fault = open.result.unwrap_err();
    let Fault::Trap { message, .. } = &fault else { panic!("{fault}") };
    for words in ["wasi:sockets/instance-network@0.2.9#instance-network", "wasi:http/outgoing-handler"] {
        assert!(message.contains(words), "{message}");
    }
    assert!(open.report.touched.is_empty(), "{:?}", open.report.touched);
}
