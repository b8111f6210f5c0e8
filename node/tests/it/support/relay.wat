;; An event function that uses `moot:function/ledger`. Its payload says what to do:
;;   "!text"        writes "text" to /test/relay; answers the entry's id
;;   "name>rest"    calls the function `name` with "rest"; answers its answer
;;   anything else  is answered as it is
;; An error of the ledger is answered as "E" and the error's number in the variant.
(component
  (type $failure' (variant (case "invalid" string) (case "denied" string) (case "not-found" string)
    (case "conflict" string) (case "unavailable" string) (case "internal" string)))
  (type $event' (record (field "source" string) (field "content-type" (option string))
    (field "attributes" (list (tuple string string))) (field "payload" (list u8))))
  (import "moot:function/types@0.1.0" (instance $types
    (alias outer 1 $failure' (type $f)) (export "failure" (type (eq $f)))
    (alias outer 1 $event' (type $e)) (export "event" (type (eq $e)))))
  (alias export $types "failure" (type $failure))
  (alias export $types "event" (type $event))
  (import "moot:function/ledger@0.1.0" (instance $ledger
    (alias outer 1 $failure (type $f0)) (export "failure" (type $f (eq $f0)))
    (type $error' (variant (case "denied" string) (case "no-such-function" string) (case "invalid" string)
      (case "too-large" u64) (case "too-deep" u32) (case "unavailable" string) (case "failed" $f)
      (case "aborted" string)))
    (export "error" (type $error (eq $error')))
    (export "write" (func (param "path" string) (param "value" (list u8)) (result (result string (error $error)))))
    (export "call" (func (param "function" string) (param "content-type" (option string))
      (param "payload" (list u8)) (result (result (list u8) (error $error)))))))
  (core module $memory
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (local.get $at)))
  (core instance $m (instantiate $memory))
  (core func $write (canon lower (func $ledger "write") (memory (core memory $m "memory"))
    (realloc (core func $m "realloc"))))
  (core func $call (canon lower (func $ledger "call") (memory (core memory $m "memory"))
    (realloc (core func $m "realloc"))))
  (core module $main
    (import "m" "memory" (memory 2))
    (import "ledger" "write" (func $write (param i32 i32 i32 i32 i32)))
    (import "ledger" "call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32)))
    (data (i32.const 64) "/test/relay")
    (data (i32.const 96) "E?")
    ;; The answer's place: 0 ok/err, 4 pointer, 8 length.
    (func $answer (param $at i32) (param $length i32) (result i32)
      (i32.store (i32.const 0) (i32.const 0))
      (i32.store (i32.const 4) (local.get $at))
      (i32.store (i32.const 8) (local.get $length))
      (i32.const 0))
    ;; What the ledger said, at 128: the list or text, or the error's number.
    (func $said (result i32)
      (if (result i32) (i32.eqz (i32.load8_u (i32.const 128)))
        (then (call $answer (i32.load (i32.const 136)) (i32.load (i32.const 140))))
        (else
          (i32.store8 (i32.const 97) (i32.add (i32.const 48) (i32.load8_u (i32.const 136))))
          (call $answer (i32.const 96) (i32.const 2)))))
    (func (export "handle")
      (param i32 i32 i32 i32 i32 i32 i32) (param $at i32) (param $length i32) (result i32) (local $i i32)
      (if (i32.and (i32.gt_u (local.get $length) (i32.const 0))
                   (i32.eq (i32.load8_u (local.get $at)) (i32.const 33)))
        (then
          (call $write (i32.const 64) (i32.const 11)
            (i32.add (local.get $at) (i32.const 1)) (i32.sub (local.get $length) (i32.const 1)) (i32.const 128))
          (return (call $said))))
      (block $none
        (loop $next
          (br_if $none (i32.ge_u (local.get $i) (local.get $length)))
          (if (i32.eq (i32.load8_u (i32.add (local.get $at) (local.get $i))) (i32.const 62))
            (then
              (call $call (local.get $at) (local.get $i) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.add (i32.add (local.get $at) (local.get $i)) (i32.const 1))
                (i32.sub (i32.sub (local.get $length) (local.get $i)) (i32.const 1)) (i32.const 128))
              (return (call $said))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $next)))
      (call $answer (local.get $at) (local.get $length))))
  (core instance $ports (export "write" (func $write)) (export "call" (func $call)))
  (core instance $i (instantiate $main (with "m" (instance $m)) (with "ledger" (instance $ports))))
  (func $handle (param "event" $event) (result (result (list u8) (error $failure)))
    (canon lift (core func $i "handle") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (instance $handler (export "handle" (func $handle)))
  (export "moot:function/handler@0.1.0" (instance $handler)))
