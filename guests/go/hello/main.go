// Greets whoever the payload names. A moot:function handler: bytes in, bytes or a typed failure out.
package main

import (
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"moot/guest"
)

// A greeting longer than this is not meant for a person.
const maxNameBytes = 256

func main() { guest.Handle(hello) }

func hello(event guest.Event) ([]byte, error) {
	if !utf8.Valid(event.Payload) {
		return nil, guest.Invalid("the payload must be a name in UTF-8")
	}
	name := strings.TrimSpace(string(event.Payload))
	if name == "" {
		name = "world"
	}
	if len(name) > maxNameBytes {
		return nil, guest.Invalid(fmt.Sprintf("the name has %d bytes; at most %d are greeted", len(name), maxNameBytes))
	}
	guest.Logger("hello").Info(fmt.Sprintf("call %s greets %s", guest.CallID(), name))
	greeting := os.Getenv("GREETING")
	if greeting == "" {
		greeting = "hello"
	}
	return fmt.Appendf(nil, "%s, %s\n", greeting, name), nil
}
