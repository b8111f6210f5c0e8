// Package guest is what a function of Folkmoot needs besides Go's own library.
//
// `moot build` puts it below the project's .moot folder, beside packages that it makes of the world's interfaces; which
// of its files are there depends on what the world has. main registers what answers, and returns:
//
//	func main() {
//		guest.Handle(func(event guest.Event) ([]byte, error) { return event.Payload, nil })
//	}
//
// What is logged by log/slog or log is in the function's log; so is the trace of a panic, which ends the call.
package guest
