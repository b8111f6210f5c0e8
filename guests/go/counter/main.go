// Counts how often each name was said. The numbers live in the key-value store "default"; the function itself remembers
// nothing.
//
// Payload: a name. Answer: its count as decimal text. ?name reads without counting, -name forgets.
package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"moot/guest"
)

func main() { guest.Handle(count) }

func count(event guest.Event) ([]byte, error) {
	if !utf8.Valid(event.Payload) {
		return nil, guest.Invalid("the payload must be a name in UTF-8")
	}
	text := strings.TrimSpace(string(event.Payload))
	store, err := guest.OpenStore("default")
	if err != nil {
		return nil, refused(err)
	}
	var number uint64
	switch {
	case text == "":
		return nil, guest.Invalid("the payload must name what to count")
	case text[0] == '?':
		number, err = read(store, text[1:])
	case text[0] == '-':
		err = store.Delete(text[1:])
	default:
		number, err = store.Increment(text, 1)
	}
	if err != nil {
		return nil, refused(err)
	}
	return strconv.AppendUint(nil, number, 10), nil
}

func read(store *guest.Store, name string) (uint64, error) {
	kept, found, err := store.Get(name)
	if err != nil || !found {
		return 0, err
	}
	number, err := strconv.ParseUint(string(kept), 10, 64)
	if err != nil {
		return 0, guest.Internal(fmt.Sprintf("the store holds something else than a number under %q", name))
	}
	return number, nil
}

func refused(err error) error {
	if failure := (*guest.Failure)(nil); errors.As(err, &failure) {
		return err
	}
	if errors.Is(err, guest.ErrStoreNotGranted) {
		return guest.Internal("the store is not granted: keyvalue = [\"default\"] in moot.toml grants it")
	}
	return guest.Unavailable(err.Error())
}
