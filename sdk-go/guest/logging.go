package guest

import (
	"context"
	"log/slog"
	"strings"

	host "moot/wasi_logging_logging"
)

// Logger is a slog.Logger for the function's log whose lines carry a name.
func Logger(name string) *slog.Logger { return slog.New(&logHandler{name: name}) }

func init() { slog.SetDefault(Logger("")) }

// logHandler writes records to the host: level, name, and message with attributes as slog's text has them.
type logHandler struct {
	name   string
	before []func(slog.Handler) slog.Handler
}

func (*logHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (h *logHandler) Handle(ctx context.Context, record slog.Record) error {
	var attributes strings.Builder
	// The host has its own time, and level and message are passed on their own.
	bare := func(groups []string, attribute slog.Attr) slog.Attr {
		if len(groups) == 0 && (attribute.Key == slog.TimeKey || attribute.Key == slog.LevelKey || attribute.Key == slog.MessageKey) {
			return slog.Attr{}
		}
		return attribute
	}
	var text slog.Handler = slog.NewTextHandler(&attributes, &slog.HandlerOptions{ReplaceAttr: bare})
	for _, add := range h.before {
		text = add(text)
	}
	if err := text.Handle(ctx, record); err != nil {
		return err
	}
	host.Log(level(record.Level), h.name, strings.TrimSpace(record.Message+" "+attributes.String()))
	return nil
}

func (h *logHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return h.with(func(text slog.Handler) slog.Handler { return text.WithAttrs(attributes) })
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	return h.with(func(text slog.Handler) slog.Handler { return text.WithGroup(name) })
}

func (h *logHandler) with(add func(slog.Handler) slog.Handler) slog.Handler {
	return &logHandler{h.name, append(h.before[:len(h.before):len(h.before)], add)}
}

func level(level slog.Level) host.Level {
	switch {
	case level >= slog.LevelError:
		return host.LevelError
	case level >= slog.LevelWarn:
		return host.LevelWarn
	case level >= slog.LevelInfo:
		return host.LevelInfo
	default:
		return host.LevelDebug
	}
}
