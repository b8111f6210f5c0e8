;; Grows a table without end.
(component
  (core module $m
    (table 1 funcref)
    (func (export "run")
      (loop $again
        (if (i32.eq (table.grow (ref.null func) (i32.const 10000)) (i32.const -1)) (then unreachable))
        (br $again))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
