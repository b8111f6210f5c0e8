;; Hands the ledger values that are not there: places and lengths of 3 GiB in a memory of 64 KiB.
(component
  (type $failure' (variant (case "invalid" string) (case "denied" string) (case "not-found" string)
    (case "conflict" string) (case "unavailable" string) (case "internal" string)))
  (import "moot:function/types@0.1.0" (instance $types
    (alias outer 1 $failure' (type $f)) (export "failure" (type (eq $f)))))
  (alias export $types "failure" (type $failure))
  (import "moot:function/ledger@0.1.0" (instance $ledger
    (alias outer 1 $failure (type $f0)) (export "failure" (type $f (eq $f0)))
    (type $error' (variant (case "denied" string) (case "no-such-function" string) (case "invalid" string)
      (case "too-large" u64) (case "too-deep" u32) (case "unavailable" string) (case "failed" $f)
      (case "aborted" string)))
    (export "error" (type $error (eq $error')))
    (export "write" (func (param "path" string) (param "value" (list u8)) (result (result string (error $error)))))))
  (core module $libc
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $libc (instantiate $libc))
  (core func $write (canon lower (func $ledger "write") (memory (core memory $libc "memory"))
    (realloc (core func $libc "realloc"))))
  (core module $m
    (import "host" "write" (func $write (param i32 i32 i32 i32 i32)))
    (func (export "path")
      (call $write (i32.const 0xc0000000) (i32.const 0xc0000000) (i32.const 0) (i32.const 1) (i32.const 128)))
    (func (export "value")
      (call $write (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0xc0000000) (i32.const 128)))
    (func (export "answer")
      (call $write (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0xc0000000))))
  (core instance $host (export "write" (func $write)))
  (core instance $i (instantiate $m (with "host" (instance $host))))
  (func (export "path") (canon lift (core func $i "path")))
  (func (export "value") (canon lift (core func $i "value")))
  (func (export "answer") (canon lift (core func $i "answer"))))
