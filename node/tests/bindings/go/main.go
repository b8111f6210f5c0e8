// Calls the calculator at the node that is named, and ends well when all is as it must be. The packages calculator and
// shapes are put beside this file by the test.
package main

import (
	"bindings/calculator"
	"bindings/shapes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
)

func must(ok bool, what ...any) {
	if !ok {
		fmt.Fprintln(os.Stderr, what...)
		os.Exit(1)
	}
}

func main() {
	ctx := context.Background()
	client := calculator.New(os.Args[1])
	calls := 0
	client.Answered = func(call string, fuel uint64) { calls++; must(call != "" && fuel > 0, call, fuel) }

	sum, err := client.Sum(ctx, []uint64{math.MaxUint64 - 1, 1})
	must(err == nil && sum == math.MaxUint64, sum, err)
	reversed, err := client.Reverse(ctx, []byte{1, 2, 255})
	must(err == nil && string(reversed) == "\xff\x02\x01", reversed, err)
	parts, err := client.Divide(ctx, 17, 5)
	must(err == nil && parts.F0 == 3 && parts.F1 == 2, parts, err)
	mean, err := client.Mean(ctx, nil)
	must(err == nil && mean == nil, mean, err)
	mean, err = client.Mean(ctx, []float64{1e20, 3e20})
	must(err == nil && *mean == 2e20, mean, err)
	must(client.Nothing(ctx) == nil, "nothing")
	must(calls == 6, calls)

	_, err = client.Evaluate(ctx, calculator.OperationDivide, 1, 0)
	var failed *calculator.Failed[calculator.Error]
	must(errors.As(err, &failed) && failed.Value == calculator.ErrorDivisionByZero{}, err)
	_, err = client.Evaluate(ctx, calculator.OperationAdd, math.MaxInt64, 1)
	must(errors.As(err, &failed) && failed.Value == calculator.ErrorOverflow{Value: "9223372036854775807 + 1"}, err)
	_, err = client.Evaluate(ctx, "power", 1, 1)
	must(err != nil && !errors.As(err, &failed), err)
	_, err = client.Fibonacci(ctx, 41)
	var text *calculator.Failed[string]
	must(errors.As(err, &text) && text.Value == "n is 41; at most 40 is computed", err)
	_, err = client.Sum(ctx, []uint64{math.MaxUint64, 1})
	var problem *calculator.Problem
	must(errors.As(err, &problem) && problem.Kind() == "function-trapped", err)

	bill, err := client.Total(ctx, calculator.Order{
		Items: []calculator.Item{
			{Name: "apple", Price: 10, Quantity: 7, Discount: calculator.DiscountBundle{Value: calculator.Tuple2[uint32, uint32]{F0: 3, F1: 2}}},
			{Name: "☃", Price: 10, Quantity: 7, Discount: calculator.DiscountNothing{}},
		},
		Extras: calculator.Extras{GiftWrap: true},
	})
	must(err == nil && bill.Total == 370 && bill.Lines[0].Cents == 50 && bill.Initials[1] == '☃', bill, err)

	client.Function = "nobody"
	_, err = client.Add(ctx, 1, 2)
	must(errors.As(err, &problem) && problem.Kind() == "no-such-function", err)
	// Types of every other shape: that they compile is what is shown.
	must(shapes.New(os.Args[1]) != nil)
}
