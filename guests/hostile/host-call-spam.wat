;; Passes giant things over the boundary: strings and lists that say they are far longer than they are, and small
;; messages without end.
(component
  (import "wasi:logging/logging@0.1.0-draft" (instance $logging
    (type $l (enum "trace" "debug" "info" "warn" "error" "critical"))
    (export "level" (type $level (eq $l)))
    (export "log" (func (param "level" $level) (param "context" string) (param "message" string)))))
  (core module $libc (memory (export "memory") 800))
  (core instance $libc (instantiate $libc))
  (core func $log (canon lower (func $logging "log") (memory (core memory $libc "memory"))))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "host" "log" (func $log (param i32 i32 i32 i32 i32)))
    (func (export "beyond-memory")
      (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))
    (func (export "wild")
      (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0xc0000000) (i32.const 0xc0000000)))
    (func (export "giant")
      (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 50000000)))
    (func (export "endless")
      (loop $again
        (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 100))
        (br $again))))
  (core instance $host (export "log" (func $log)))
  (core instance $i (instantiate $m (with "libc" (instance $libc)) (with "host" (instance $host))))
  (func (export "beyond-memory") (canon lift (core func $i "beyond-memory")))
  (func (export "wild") (canon lift (core func $i "wild")))
  (func (export "giant") (canon lift (core func $i "giant")))
  (func (export "endless") (canon lift (core func $i "endless"))))
