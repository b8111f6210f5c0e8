;; Asks for more random bytes than there is memory, from both sources; `some` asks for sixteen and folds them.
(component
  (import "wasi:random/random@0.2.0" (instance $secure
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (import "wasi:random/insecure@0.2.0" (instance $insecure
    (export "get-insecure-random-bytes" (func (param "len" u64) (result (list u8))))))
  (core module $libc
    (memory (export "memory") 16)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (local.get 3)))))
  (core instance $libc (instantiate $libc))
  (core func $secure (canon lower (func $secure "get-random-bytes")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $insecure (canon lower (func $insecure "get-insecure-random-bytes")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "host" "secure" (func $secure (param i64 i32)))
    (import "host" "insecure" (func $insecure (param i64 i32)))
    (func (export "secure") (call $secure (i64.const -1) (i32.const 8)))
    (func (export "insecure") (call $insecure (i64.const -1) (i32.const 8)))
    (func (export "some") (result i64)
      (call $secure (i64.const 16) (i32.const 8))
      (i64.xor
        (i64.load (i32.load (i32.const 8)))
        (i64.load offset=8 (i32.load (i32.const 8))))))
  (core instance $host (export "secure" (func $secure)) (export "insecure" (func $insecure)))
  (core instance $i (instantiate $m (with "libc" (instance $libc)) (with "host" (instance $host))))
  (func (export "secure") (canon lift (core func $i "secure")))
  (func (export "insecure") (canon lift (core func $i "insecure")))
  (func (export "some") (result u64) (canon lift (core func $i "some"))))
