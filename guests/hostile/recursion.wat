;; Recurses without end, directly and by way of a table.
(component
  (core module $m
    (table 1 funcref)
    (elem (i32.const 0) $indirect)
    (func $direct (export "direct") (call $direct))
    (func $indirect (export "indirect") (call_indirect (i32.const 0))))
  (core instance $i (instantiate $m))
  (func (export "direct") (canon lift (core func $i "direct")))
  (func (export "indirect") (canon lift (core func $i "indirect"))))
