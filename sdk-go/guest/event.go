package guest

import (
	"errors"
	"log/slog"

	handler "moot/export_moot_function_handler"
	types "moot/moot_function_types"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

// Event is one thing that happened. The interface moot:function/types says what each part means.
type Event struct {
	// Source is what caused it: "http:/path", "call:", "function:name" and so on.
	Source string
	// ContentType is the payload's media type; empty when nobody said.
	ContentType string
	// Attributes are further facts, in the order received: for HTTP ":method" and the headers.
	Attributes []Attribute
	// Payload is the event's body.
	Payload []byte
}

// Attribute is one fact about an event. Names may repeat.
type Attribute struct{ Name, Value string }

// Failure is an answer that is an error: it has a receipt, and in HTTP the status of its kind. Its text is shown to the
// caller as it is.
type Failure struct {
	kind func(string) types.Failure
	text string
}

func (f *Failure) Error() string { return f.text }

// Invalid is a failure for an event that makes no sense, and will fail again. 422.
func Invalid(text string) error { return &Failure{types.MakeFailureInvalid, text} }

// Denied is a failure for what the caller may not do. 403.
func Denied(text string) error { return &Failure{types.MakeFailureDenied, text} }

// NotFound is a failure for an event that refers to what is not there. 404.
func NotFound(text string) error { return &Failure{types.MakeFailureNotFound, text} }

// Conflict is a failure for an event that contradicts the present state. 409.
func Conflict(text string) error { return &Failure{types.MakeFailureConflict, text} }

// Unavailable is a failure that may be none later: something the function depends on is not there. 503.
func Unavailable(text string) error { return &Failure{types.MakeFailureUnavailable, text} }

// Internal is a failure of the function itself. 500.
func Internal(text string) error { return &Failure{types.MakeFailureInternal, text} }

// Handle makes answer the function that events are given to. An error that is no Failure goes to the log, and the caller
// is told only that there was one.
func Handle(answer func(Event) ([]byte, error)) {
	handler.Exports.Handle = func(event types.Event) wit.Result[[]byte, types.Failure] {
		attributes := make([]Attribute, len(event.Attributes))
		for i, attribute := range event.Attributes {
			attributes[i] = Attribute{attribute.F0, attribute.F1}
		}
		answered, err := answer(Event{event.Source, event.ContentType.SomeOr(""), attributes, event.Payload})
		if err == nil {
			return wit.Ok[[]byte, types.Failure](answered)
		}
		if failure := (*Failure)(nil); errors.As(err, &failure) {
			return wit.Err[[]byte](failure.kind(failure.text))
		}
		slog.Error(err.Error())
		return wit.Err[[]byte](types.MakeFailureInternal("the function failed; its log says how"))
	}
}
