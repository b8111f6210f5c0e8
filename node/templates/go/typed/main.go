// Functions with types: each export of wit/world.wit is called by its name, with JSON.
package main

import (
	"fmt"
	"math"
	"unicode/utf8"

	world "moot/export_wit_world"
	"moot/local_{{crate}}_types"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

type quotient = local_{{crate}}_types.Quotient

// main says what answers, and returns.
func main() {
	world.Exports.Add = func(a, b uint32) uint32 { return a + b }
	world.Exports.Divide = divide
	world.Exports.Longest = longest
}

func divide(dividend, divisor int64) wit.Result[quotient, string] {
	switch {
	case divisor == 0:
		return wit.Err[quotient]("the divisor is zero")
	case dividend == math.MinInt64 && divisor == -1:
		return wit.Err[quotient](fmt.Sprintf("%d / %d does not fit 64 bits", dividend, divisor))
	}
	return wit.Ok[quotient, string](quotient{Whole: dividend / divisor, Remainder: dividend % divisor})
}

func longest(words []string) wit.Option[string] {
	if len(words) == 0 {
		return wit.None[string]()
	}
	longest := words[0]
	for _, word := range words {
		if utf8.RuneCountInString(word) > utf8.RuneCountInString(longest) {
			longest = word
		}
	}
	return wit.Some(longest)
}
