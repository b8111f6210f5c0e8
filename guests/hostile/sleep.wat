;; Waits for ever: on a timer that is centuries away, and by computing until the clock says so.
(component
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (export "now" (func (result u64)))
    (alias outer 1 $pollable (type $p))
    (export "pollable" (type $pp (eq $p)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pp))))))
  (core func $now (canon lower (func $clock "now")))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core module $m
    (import "host" "now" (func $now (result i64)))
    (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
    (import "host" "block" (func $block (param i32)))
    (func (export "sleep") (call $block (call $subscribe (i64.const -1))))
    (func (export "hour") (result i64)
      (call $block (call $subscribe (i64.const 3600000000000)))
      (call $now))
    (func (export "spin")
      (loop $again (br_if $again (i64.lt_u (call $now) (i64.const 0x7fffffffffffffff))))))
  (core instance $host
    (export "now" (func $now)) (export "subscribe" (func $subscribe)) (export "block" (func $block)))
  (core instance $i (instantiate $m (with "host" (instance $host))))
  (func (export "sleep") (canon lift (core func $i "sleep")))
  (func (export "hour") (result u64) (canon lift (core func $i "hour")))
  (func (export "spin") (canon lift (core func $i "spin"))))
