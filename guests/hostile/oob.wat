;; Every trap that is a mistake, not an attack: what a person sees must say which.
;; `late` computes for long and then traps, hoping that nobody counted.
(component
  (core module $m
    (memory 1)
    (table 2 funcref)
    (type $none (func))
    (func (export "memory") (drop (i32.load (i32.const 65536))))
    (func (export "table") (call_indirect (i32.const 7)))
    (func (export "null") (call_indirect (i32.const 1)))
    (func (export "division") (drop (i32.div_s (i32.const 1) (i32.const 0))))
    (func (export "conversion") (drop (i32.trunc_f64_s (f64.const nan))))
    (func $my_function_that_panics (export "panic") unreachable)
    (func (export "late") (local $i i32)
      (loop $again
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $i) (i32.const 1000000))))
      (drop (i32.load (i32.const 65536)))))
  (core instance $i (instantiate $m))
  (func (export "memory") (canon lift (core func $i "memory")))
  (func (export "table") (canon lift (core func $i "table")))
  (func (export "null") (canon lift (core func $i "null")))
  (func (export "division") (canon lift (core func $i "division")))
  (func (export "conversion") (canon lift (core func $i "conversion")))
  (func (export "panic") (canon lift (core func $i "panic")))
  (func (export "late") (canon lift (core func $i "late"))))
