;; Everything in WebAssembly and WASI whose result may differ from run to run or from machine to machine.
(component
  (import "wasi:clocks/wall-clock@0.2.0" (instance $wall
    (type $d (record (field "seconds" u64) (field "nanoseconds" u32)))
    (export "datetime" (type $datetime (eq $d)))
    (export "now" (func (result $datetime)))))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $mono (export "now" (func (result u64)))))
  (import "wasi:random/insecure@0.2.0" (instance $insecure
    (export "get-insecure-random-u64" (func (result u64)))))
  (import "wasi:random/insecure-seed@0.2.0" (instance $seed
    (export "insecure-seed" (func (result (tuple u64 u64))))))
  (core module $libc (memory (export "memory") 1))
  (core instance $libc (instantiate $libc))
  (core func $wall (canon lower (func $wall "now") (memory (core memory $libc "memory"))))
  (core func $mono (canon lower (func $mono "now")))
  (core func $insecure (canon lower (func $insecure "get-insecure-random-u64")))
  (core func $seed (canon lower (func $seed "insecure-seed") (memory (core memory $libc "memory"))))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "host" "wall" (func $wall (param i32)))
    (import "host" "mono" (func $mono (result i64)))
    (import "host" "insecure" (func $insecure (result i64)))
    (import "host" "seed" (func $seed (param i32)))
    (global $zero (mut f64) (f64.const 0))
    ;; The bits of a NaN made by dividing, with the sign that machines disagree on.
    (func (export "nan") (result i64)
      (i64.reinterpret_f64 (f64.div (global.get $zero) (global.get $zero))))
    ;; An indeterminate lane of a relaxed instruction: conversion out of range.
    (func (export "relaxed") (result i32)
      (i32x4.extract_lane 0 (i32x4.relaxed_trunc_f32x4_s (f32x4.splat (f32.const 3e10)))))
    (func (export "wall") (result i64)
      (call $wall (i32.const 0))
      (i64.add (i64.mul (i64.load (i32.const 0)) (i64.const 1000000000)) (i64.load32_u (i32.const 8))))
    (func (export "mono") (result i64) (drop (call $mono)) (call $mono))
    (func (export "random") (result i64)
      (call $seed (i32.const 16))
      (i64.xor (call $insecure) (i64.load (i32.const 16)))))
  (core instance $host
    (export "wall" (func $wall)) (export "mono" (func $mono))
    (export "insecure" (func $insecure)) (export "seed" (func $seed)))
  (core instance $i (instantiate $m (with "libc" (instance $libc)) (with "host" (instance $host))))
  (func (export "nan") (result u64) (canon lift (core func $i "nan")))
  (func (export "relaxed") (result s32) (canon lift (core func $i "relaxed")))
  (func (export "wall") (result u64) (canon lift (core func $i "wall")))
  (func (export "mono") (result u64) (canon lift (core func $i "mono")))
  (func (export "random") (result u64) (canon lift (core func $i "random"))))
