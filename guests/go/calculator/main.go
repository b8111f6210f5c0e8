// Typed exports of every shape: records, variants, enums, flags, options, results, lists, tuples, byte lists.
// There is no handler here: each export is called by name, with JSON or WAVE.
package main

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"

	exportArithmetic "moot/export_folkmoot_calculator_arithmetic"
	exportOrders "moot/export_folkmoot_calculator_orders"
	world "moot/export_wit_world"
	"moot/folkmoot_calculator_arithmetic"
	"moot/folkmoot_calculator_orders"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

type (
	arithmeticError = folkmoot_calculator_arithmetic.Error
	operation       = folkmoot_calculator_arithmetic.Operation
	order           = folkmoot_calculator_orders.Order
	bill            = folkmoot_calculator_orders.Bill
	item            = folkmoot_calculator_orders.Item
	line            = folkmoot_calculator_orders.Line
	quotient        = wit.Tuple2[uint64, uint64]
)

// fibonacci is exponential: 40 takes about a second.
const maxFibonacci = 40

func main() {
	world.Exports.Add = func(a, b uint32) uint32 { return a + b }
	world.Exports.Fibonacci = fibonacci
	world.Exports.Sum = sum
	world.Exports.Reverse = func(data []byte) []byte { slices.Reverse(data); return data }
	world.Exports.Mask = mask
	world.Exports.Uppercase = uppercase
	world.Exports.Nothing = func() {}
	exportArithmetic.Exports.Evaluate = evaluate
	exportArithmetic.Exports.Divide = divide
	exportArithmetic.Exports.Mean = mean
	exportOrders.Exports.Total = total
}

func fibonacci(n uint8) wit.Result[uint64, string] {
	if n > maxFibonacci {
		return wit.Err[uint64](fmt.Sprintf("n is %d; at most %d is computed", n, maxFibonacci))
	}
	return wit.Ok[uint64, string](slow(uint64(n)))
}

func slow(n uint64) uint64 {
	if n < 2 {
		return n
	}
	return slow(n-1) + slow(n-2)
}

func sum(numbers []uint64) uint64 {
	var total uint64
	for _, number := range numbers {
		var carry uint64
		if total, carry = bits.Add64(total, number, 0); carry != 0 {
			panic("the sum does not fit 64 bits")
		}
	}
	return total
}

func mask(data []byte, key uint8) wit.Result[[]byte, string] {
	if key == 0 {
		return wit.Err[[]byte]("the key 0 masks nothing")
	}
	for i := range data {
		data[i] ^= key
	}
	return wit.Ok[[]byte, string](data)
}

func uppercase(text []byte) wit.Result[[]byte, string] {
	if at, size, ok := invalid(text); !ok {
		if size == 0 {
			return wit.Err[[]byte](fmt.Sprintf("incomplete utf-8 byte sequence from index %d", at))
		}
		return wit.Err[[]byte](fmt.Sprintf("invalid utf-8 sequence of %d bytes from index %d", size, at))
	}
	return wit.Ok[[]byte, string](bytes.ToUpper(text))
}

// invalid finds where text ceases to be UTF-8, and how many bytes are wrong there; 0 when they could be the begin of a
// character. Functions of one name answer alike in every language, and Rust's standard library knows both.
func invalid(text []byte) (at, size int, ok bool) {
	for at < len(text) {
		_, width := utf8.DecodeRune(text[at:])
		if width > 1 || text[at] < utf8.RuneSelf {
			at += width
			continue
		}
		if !utf8.FullRune(text[at:]) {
			return at, 0, false
		}
		for size = 1; size < 3 && at+size < len(text) && !utf8.FullRune(text[at:at+size]); size++ {
		}
		// A begin that is good, up to the byte that does not go on with it.
		return at, max(size-1, 1), false
	}
	return at, 0, true
}

func evaluate(operation operation, a, b int64) wit.Result[int64, arithmeticError] {
	var result int64
	var fits bool
	var sign rune
	switch operation {
	case folkmoot_calculator_arithmetic.OperationAdd:
		result, sign = a+b, '+'
		fits = (result > a) == (b > 0)
	case folkmoot_calculator_arithmetic.OperationSubtract:
		result, sign = a-b, '-'
		fits = (result < a) == (b > 0)
	case folkmoot_calculator_arithmetic.OperationMultiply:
		result, sign = a*b, '*'
		fits = a == 0 || result/a == b && !(a == -1 && b == math.MinInt64)
	default:
		if b == 0 {
			return wit.Err[int64](folkmoot_calculator_arithmetic.MakeErrorDivisionByZero())
		}
		fits, sign = !(a == math.MinInt64 && b == -1), '/'
		if fits {
			result = a / b
		}
	}
	if !fits {
		return wit.Err[int64](folkmoot_calculator_arithmetic.MakeErrorOverflow(fmt.Sprintf("%d %c %d", a, sign, b)))
	}
	return wit.Ok[int64, arithmeticError](result)
}

func divide(a, b uint64) wit.Result[quotient, arithmeticError] {
	if b == 0 {
		return wit.Err[quotient](folkmoot_calculator_arithmetic.MakeErrorDivisionByZero())
	}
	return wit.Ok[quotient, arithmeticError](quotient{F0: a / b, F1: a % b})
}

func mean(numbers []float64) wit.Option[float64] {
	if len(numbers) == 0 {
		return wit.None[float64]()
	}
	var sum float64
	for _, number := range numbers {
		sum += number
	}
	return wit.Some(sum / float64(len(numbers)))
}

var prices = map[uint8]uint64{
	folkmoot_calculator_orders.ExtrasGiftWrap: 250,
	folkmoot_calculator_orders.ExtrasExpress:  990,
	folkmoot_calculator_orders.ExtrasInsured:  120,
}

func total(order order) wit.Result[bill, arithmeticError] {
	var made bill
	for _, item := range order.Items {
		cents, ok := cost(item)
		if !ok {
			return wit.Err[bill](folkmoot_calculator_arithmetic.MakeErrorDivisionByZero())
		}
		made.Lines = append(made.Lines, line{Name: item.Name, Cents: cents})
		for _, first := range item.Name {
			made.Initials = append(made.Initials, first)
			break
		}
	}
	for extra, cents := range prices {
		if order.Extras&extra != 0 {
			made.Extras += cents
		}
	}
	made.Total = made.Extras
	for _, line := range made.Lines {
		var carry uint64
		if made.Total, carry = bits.Add64(made.Total, line.Cents, 0); carry != 0 {
			return wit.Err[bill](folkmoot_calculator_arithmetic.MakeErrorOverflow("the total"))
		}
	}
	return wit.Ok[bill, arithmeticError](made)
}

// cost is what an item costs; false when nothing was to be bought of a bundle.
func cost(item item) (uint64, bool) {
	full := uint64(item.Price) * uint64(item.Quantity)
	switch discount := item.Discount; discount.Tag() {
	case folkmoot_calculator_orders.DiscountAmount:
		return full - min(full, discount.Amount()), true
	case folkmoot_calculator_orders.DiscountPercent:
		return full - full/100*uint64(min(discount.Percent(), 100)), true
	case folkmoot_calculator_orders.DiscountBundle:
		buy, pay := discount.Bundle().F0, discount.Bundle().F1
		if buy == 0 {
			return 0, false
		}
		return uint64(item.Price) * uint64(item.Quantity/buy*min(pay, buy)+item.Quantity%buy), true
	}
	return full, true
}
