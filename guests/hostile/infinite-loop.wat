;; Loops for ever: without calls, with calls, and with memory accesses between.
(component
  (core module $m
    (memory 1)
    (func $nothing)
    (func (export "tight") (loop $again (br $again)))
    (func (export "calling") (loop $again (call $nothing) (br $again)))
    (func (export "storing") (local $i i32)
      (loop $again
        (i32.store (i32.and (local.get $i) (i32.const 0xfffc)) (local.get $i))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $again))))
  (core instance $i (instantiate $m))
  (func (export "tight") (canon lift (core func $i "tight")))
  (func (export "calling") (canon lift (core func $i "calling")))
  (func (export "storing") (canon lift (core func $i "storing"))))
