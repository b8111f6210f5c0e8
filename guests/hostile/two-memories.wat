;; Takes its whole limit twice, in two memories of two modules: 40 MiB each.
(component
  (core module $m
    (memory 640)
    (func (export "run")))
  (core instance $a (instantiate $m))
  (core instance $b (instantiate $m))
  (func (export "run") (canon lift (core func $a "run"))))
