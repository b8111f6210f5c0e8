package guest

import context "moot/moot_function_context"

// CallID is the call's address on the ledger, unique for ever.
func CallID() string { return context.CallId() }

// Name is the name that this function is deployed under.
func Name() string { return context.Function() }

// Caller is the account that the call is made by, in hex: who signed it, the owner of the function that made it, or the
// trigger's owner; empty when nobody signed.
func Caller() string { return context.Caller().SomeOr("") }

// Height is that of the newest final block when the call is run; 0 for a deterministic function.
func Height() uint64 { return context.Height() }

// TimeMicros is when the call was recorded, in microseconds since 1970. It stands still during the call.
func TimeMicros() uint64 { return context.TimeUs() }

// FuelLeft is what the call may still burn.
func FuelLeft() uint64 { return context.FuelLeft() }

// TraceParent is the call's W3C trace context, to be passed on in outbound requests; empty when it is not traced, and for
// a deterministic function.
func TraceParent() string { return context.TraceParent().SomeOr("") }
