// Answers an event: bytes in, bytes or a failure out.
package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"moot/guest"
)

// main says what answers, and returns.
func main() { guest.Handle(hello) }

func hello(event guest.Event) ([]byte, error) {
	if !utf8.Valid(event.Payload) {
		return nil, guest.Invalid("the payload must be a name in UTF-8")
	}
	name := strings.TrimSpace(string(event.Payload))
	if name == "" {
		name = "world"
	}
	guest.Logger("{{name}}").Info("greets " + name)
	return fmt.Appendf(nil, "hello, %s\n", name), nil
}
