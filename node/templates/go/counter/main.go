// Counts how often each name was said, in a key-value store: an instance remembers nothing, the store does.
package main

import (
	"fmt"
	"strings"

	"moot/guest"
)

// main says what answers, and returns.
func main() { guest.Handle(count) }

func count(event guest.Event) ([]byte, error) {
	name := strings.TrimSpace(string(event.Payload))
	if name == "" {
		return nil, guest.Invalid("the payload must be a name")
	}
	store, err := guest.OpenStore("default")
	if err != nil {
		return nil, err
	}
	number, err := store.Increment(name, 1)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%d\n", number), nil
}
