package guest

import (
	"errors"
	"fmt"

	atomics "moot/wasi_keyvalue_atomics"
	store "moot/wasi_keyvalue_store"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

// ErrStoreNotGranted says that `grants.keyvalue` in moot.toml does not name a store.
var ErrStoreNotGranted = errors.New("the store is not granted: keyvalue = [\"...\"] in moot.toml grants it")

// Store is an open key-value store.
type Store struct{ bucket *store.Bucket }

// OpenStore opens a store by its name.
func OpenStore(name string) (*Store, error) {
	bucket, err := taken(store.Open(name))
	return &Store{bucket}, err
}

// Get is what is kept under a key, and whether there is anything.
func (s *Store) Get(key string) ([]byte, bool, error) {
	value, err := taken(s.bucket.Get(key))
	return value.SomeOr(nil), value.IsSome(), err
}

// Set keeps a value in the place of the last one.
func (s *Store) Set(key string, value []byte) error {
	_, err := taken(s.bucket.Set(key, value))
	return err
}

// Delete forgets a key; one that is not there is no error.
func (s *Store) Delete(key string) error {
	_, err := taken(s.bucket.Delete(key))
	return err
}

// Increment adds to the number under a key, at one stroke, and gives the new number.
func (s *Store) Increment(key string, by uint64) (uint64, error) {
	return taken(atomics.Increment(s.bucket, key, by))
}

// Keys are all there are.
func (s *Store) Keys() ([]string, error) {
	var keys []string
	cursor := wit.None[uint64]()
	for {
		page, err := taken(s.bucket.ListKeys(cursor))
		if err != nil {
			return nil, err
		}
		keys = append(keys, page.Keys...)
		if cursor = page.Cursor; cursor.IsNone() {
			return keys, nil
		}
	}
}

func taken[T any](result wit.Result[T, store.Error]) (value T, err error) {
	if result.IsOk() {
		return result.Ok(), nil
	}
	if refused := result.Err(); refused.Tag() == store.ErrorOther {
		return value, fmt.Errorf("the store failed: %s", refused.Other())
	}
	return value, ErrStoreNotGranted
}
