;; Writes a secret all over its memory and stack; another call reads what is there.
(component
  (core module $m
    (memory 16)
    (global $left (mut i64) (i64.const 0))
    (func (export "write") (local $i i32)
      (global.set $left (i64.const 0x5ec4e75ec4e7))
      (loop $again
        (i64.store (local.get $i) (i64.const 0x5ec4e75ec4e7))
        (local.set $i (i32.add (local.get $i) (i32.const 8)))
        (br_if $again (i32.lt_u (local.get $i) (i32.const 1048576)))))
    ;; The sum of everything it finds: 0 in a fresh instance.
    (func (export "read") (result i64) (local $i i32) (local $sum i64)
      (local.set $sum (global.get $left))
      (loop $again
        (local.set $sum (i64.or (local.get $sum) (i64.load (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 8)))
        (br_if $again (i32.lt_u (local.get $i) (i32.const 1048576))))
      (local.get $sum)))
  (core instance $i (instantiate $m))
  (func (export "write") (canon lift (core func $i "write")))
  (func (export "read") (result u64) (canon lift (core func $i "read"))))
