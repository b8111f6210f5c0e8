;; Asks for 4 GiB of memory, at once and page by page, and then behaves as an allocator that got none.
;; `polite` looks at the answer and goes on.
(component
  (core module $m
    (memory 1)
    (func (export "at-once")
      (if (i32.eq (memory.grow (i32.const 65535)) (i32.const -1)) (then unreachable)))
    (func (export "page-by-page")
      (loop $again
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
        ;; Written to, so that it becomes real memory.
        (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (i32.const 1))
        (br $again)))
    (func (export "polite") (result i32) (memory.grow (i32.const 65535))))
  (core instance $i (instantiate $m))
  (func (export "at-once") (canon lift (core func $i "at-once")))
  (func (export "page-by-page") (canon lift (core func $i "page-by-page")))
  (func (export "polite") (result s32) (canon lift (core func $i "polite"))))
