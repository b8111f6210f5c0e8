package guest

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	handler "moot/export_wasi_http_incoming_handler"
	wasi "moot/wasi_http_types"
	streams "moot/wasi_io_streams"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

// Serve makes a handler of net/http the one that answers requests. Without it, http.DefaultServeMux does.
func Serve(answering http.Handler) { serving = answering }

var serving http.Handler = http.DefaultServeMux

func init() {
	handler.Exports.Handle = func(incoming *wasi.IncomingRequest, out *wasi.ResponseOutparam) {
		request := received(incoming)
		answer := &responseWriter{out: out, header: http.Header{}}
		serving.ServeHTTP(answer, request)
		answer.finish()
	}
}

// received is a request as net/http would have it from a connection.
func received(incoming *wasi.IncomingRequest) *http.Request {
	target := incoming.PathWithQuery().SomeOr("/")
	authority := incoming.Authority().SomeOr("")
	fields := incoming.Headers()
	header := http.Header(headers(fields))
	fields.Drop()
	location, err := url.ParseRequestURI(target)
	if err != nil {
		// The gateway takes no path that is none; whoever else calls gets a request that matches nothing.
		location = &url.URL{Path: target}
	}
	if host := header.Get("Host"); authority == "" {
		authority = host
	}
	header.Del("Host")
	request := &http.Request{
		Method: method(incoming.Method()), URL: location, RequestURI: target, Host: authority, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1,
		Body: &bodyReader{open: func() *wasi.IncomingBody { return incoming.Consume().Ok() }},
	}
	if length, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64); err == nil {
		request.ContentLength = length
	}
	return request
}

func method(method wasi.Method) string {
	if name, known := methods[method.Tag()]; known {
		return name
	}
	return method.Other()
}

// responseWriter sends what a handler writes at once: the host decides how much of it to hold back.
type responseWriter struct {
	out    *wasi.ResponseOutparam
	header http.Header
	body   *wasi.OutgoingBody
	stream *streams.OutputStream
}

func (w *responseWriter) Header() http.Header { return w.header }

func (w *responseWriter) WriteHeader(status int) {
	// Informational answers are the gateway's business.
	if w.stream != nil || status < 200 {
		return
	}
	fields := wasi.MakeFields()
	for name, values := range w.header {
		name = strings.ToLower(name)
		if hopByHop[name] {
			continue
		}
		for _, value := range values {
			// One that the host refuses is left out, as net/http leaves out what it cannot write.
			fields.Append(name, []byte(value))
		}
	}
	response := wasi.MakeOutgoingResponse(fields)
	response.SetStatusCode(uint16(status))
	w.body = response.Body().Ok()
	w.stream = w.body.Write().Ok()
	wasi.ResponseOutparamSet(w.out, wit.Ok[*wasi.OutgoingResponse, wasi.ErrorCode](response))
}

// They belong to one connection, and the connection is the host's.
var hopByHop = map[string]bool{
	"connection": true, "keep-alive": true, "proxy-connection": true, "te": true, "trailer": true,
	"transfer-encoding": true, "upgrade": true,
}

func (w *responseWriter) Write(data []byte) (int, error) {
	if w.stream == nil {
		if _, said := w.header["Content-Type"]; !said && len(data) > 0 {
			w.header.Set("Content-Type", http.DetectContentType(data))
		}
		w.WriteHeader(http.StatusOK)
	}
	return writeAll(w.stream, data)
}

// ReadFrom passes a body on as it comes.
func (w *responseWriter) ReadFrom(from io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{from}, make([]byte, readBytes))
}

// Flush sends what was written.
func (w *responseWriter) Flush() {
	w.WriteHeader(http.StatusOK)
	w.stream.Flush()
}

func (w *responseWriter) finish() {
	w.WriteHeader(http.StatusOK)
	w.stream.Drop()
	wasi.OutgoingBodyFinish(w.body, wit.None[*wasi.Fields]())
}
