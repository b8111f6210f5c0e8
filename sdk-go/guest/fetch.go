package guest

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	outgoing "moot/wasi_http_outgoing_handler"
	wasi "moot/wasi_http_types"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

// Transport sends requests through the host, as far as `grants.http` in moot.toml goes. It is http.DefaultTransport here,
// so that http.Get and every library that uses net/http goes through it.
type Transport struct{}

func init() { http.DefaultTransport = Transport{} }

// RequestFailed is an error of the host's: there was no answer.
type RequestFailed struct{ Code wasi.ErrorCode }

func (e *RequestFailed) Error() string {
	if e.Code.Tag() == wasi.ErrorCodeHttpRequestDenied {
		return "the request is denied: grants.http in moot.toml does not name this host"
	}
	return fmt.Sprintf("no answer: %s", errorCodes[e.Code.Tag()])
}

// RoundTrip sends one request and waits for the head of its answer.
func (Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		defer request.Body.Close()
	}
	fields := wasi.MakeFields()
	for name, values := range request.Header {
		for _, value := range values {
			fields.Append(strings.ToLower(name), []byte(value))
		}
	}
	if request.ContentLength > 0 {
		fields.Append("content-length", fmt.Append(nil, request.ContentLength))
	}
	sent := wasi.MakeOutgoingRequest(fields)
	scheme := wasi.MakeSchemeHttps()
	if request.URL.Scheme == "http" {
		scheme = wasi.MakeSchemeHttp()
	}
	sent.SetScheme(wit.Some(scheme))
	sent.SetMethod(asked(request.Method))
	host := request.Host
	if host == "" {
		host = request.URL.Host
	}
	if sent.SetAuthority(wit.Some(host)).IsErr() || sent.SetPathWithQuery(wit.Some(request.URL.RequestURI())).IsErr() {
		return nil, fmt.Errorf("%s cannot be sent", request.URL)
	}
	body := sent.Body().Ok()
	handled := outgoing.Handle(sent, wit.None[*wasi.RequestOptions]())
	if handled.IsErr() {
		return nil, &RequestFailed{handled.Err()}
	}
	if err := send(body, request.Body); err != nil {
		return nil, err
	}
	future := handled.Ok()
	defer future.Drop()
	ready := future.Subscribe()
	ready.Block()
	ready.Drop()
	answered := future.Get().Some().Ok()
	if answered.IsErr() {
		return nil, &RequestFailed{answered.Err()}
	}
	return answer(request, answered.Ok()), nil
}

func send(body *wasi.OutgoingBody, from io.Reader) error {
	stream := body.Write().Ok()
	if from != nil {
		buffer := make([]byte, readBytes)
		for {
			n, err := from.Read(buffer)
			if _, wrote := writeAll(stream, buffer[:n]); wrote != nil || (err != nil && err != io.EOF) {
				// The answer, when there is one, says more than that the other side stopped listening.
				break
			}
			if err == io.EOF {
				break
			}
		}
	}
	stream.Drop()
	wasi.OutgoingBodyFinish(body, wit.None[*wasi.Fields]())
	return nil
}

func answer(request *http.Request, incoming *wasi.IncomingResponse) *http.Response {
	fields := incoming.Headers()
	defer fields.Drop()
	status := int(incoming.Status())
	return &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: headers(fields), ContentLength: -1, Request: request,
		Body: &bodyReader{open: func() *wasi.IncomingBody { return incoming.Consume().Ok() }},
	}
}

func asked(name string) wasi.Method {
	for tag, method := range methods {
		if method == name || name == "" && method == "GET" {
			return known[tag]()
		}
	}
	return wasi.MakeMethodOther(name)
}

var known = map[uint8]func() wasi.Method{
	wasi.MethodGet: wasi.MakeMethodGet, wasi.MethodHead: wasi.MakeMethodHead, wasi.MethodPost: wasi.MakeMethodPost,
	wasi.MethodPut: wasi.MakeMethodPut, wasi.MethodDelete: wasi.MakeMethodDelete,
	wasi.MethodConnect: wasi.MakeMethodConnect, wasi.MethodOptions: wasi.MakeMethodOptions,
	wasi.MethodTrace: wasi.MakeMethodTrace, wasi.MethodPatch: wasi.MakeMethodPatch,
}

var errorCodes = map[uint8]string{
	wasi.ErrorCodeDnsTimeout: "the name server did not answer", wasi.ErrorCodeDnsError: "the name is not known",
	wasi.ErrorCodeDestinationNotFound: "there is no such host", wasi.ErrorCodeDestinationUnavailable: "the host is not available",
	wasi.ErrorCodeDestinationIpProhibited: "its address is not allowed", wasi.ErrorCodeDestinationIpUnroutable: "its address is not reachable",
	wasi.ErrorCodeConnectionRefused: "connection refused", wasi.ErrorCodeConnectionTerminated: "the connection broke",
	wasi.ErrorCodeConnectionTimeout: "the connection took too long", wasi.ErrorCodeHttpResponseTimeout: "the answer took too long",
	wasi.ErrorCodeTlsProtocolError: "TLS failed", wasi.ErrorCodeTlsCertificateError: "its certificate is not trusted",
	wasi.ErrorCodeInternalError: "the host failed", wasi.ErrorCodeConfigurationError: "the host is not set up for it",
}
