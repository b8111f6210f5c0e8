package guest

import (
	"fmt"

	ledger "moot/moot_function_ledger"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

// Write writes a value to a path and gives the entry's address once its block has allowed it. Needs `ledger = true` under
// the grants.
func Write(path string, value []byte) (string, error) { return said(ledger.Write(path, value)) }

// Call calls another function that handles events, and gives its answer. Needs `ledger = true` under the grants.
func Call(function string, contentType string, payload []byte) ([]byte, error) {
	media := wit.None[string]()
	if contentType != "" {
		media = wit.Some(contentType)
	}
	return said(ledger.Call(function, media, payload))
}

func said[T any](result wit.Result[T, ledger.Error]) (value T, err error) {
	if result.IsOk() {
		return result.Ok(), nil
	}
	switch refused := result.Err(); refused.Tag() {
	case ledger.ErrorDenied:
		err = fmt.Errorf("denied: %s", refused.Denied())
	case ledger.ErrorNoSuchFunction:
		err = fmt.Errorf("there is no function %s", refused.NoSuchFunction())
	case ledger.ErrorInvalid:
		err = fmt.Errorf("invalid: %s", refused.Invalid())
	case ledger.ErrorTooLarge:
		err = fmt.Errorf("the payload is larger than %d bytes", refused.TooLarge())
	case ledger.ErrorTooDeep:
		err = fmt.Errorf("calls call calls more than %d deep", refused.TooDeep())
	case ledger.ErrorUnavailable:
		err = fmt.Errorf("not now: %s", refused.Unavailable())
	case ledger.ErrorAborted:
		err = fmt.Errorf("the function called did not come to an answer: %s", refused.Aborted())
	default:
		err = fmt.Errorf("the function called answered with a failure")
	}
	return value, err
}
