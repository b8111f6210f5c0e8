package guest

import (
	"errors"
	"io"
	"net/textproto"

	wasi "moot/wasi_http_types"
	streams "moot/wasi_io_streams"
)

// readBytes is asked of the host at a time: it gives what it has, at most this.
const readBytes = 64 << 10

var errBrokenOff = errors.New("the other side broke off its body")

// bodyReader reads the body of a message from the host, as it is asked for.
type bodyReader struct {
	open   func() *wasi.IncomingBody
	body   *wasi.IncomingBody
	stream *streams.InputStream
}

func (r *bodyReader) Read(buffer []byte) (int, error) {
	if len(buffer) == 0 {
		return 0, nil
	}
	if r.stream == nil {
		r.body = r.open()
		r.stream = r.body.Stream().Ok()
	}
	for {
		read := r.stream.BlockingRead(uint64(min(len(buffer), readBytes)))
		if read.IsErr() {
			if read.Err().Tag() == streams.StreamErrorClosed {
				return 0, io.EOF
			}
			return 0, errBrokenOff
		}
		// Nothing says only that there is nothing yet.
		if piece := read.Ok(); len(piece) > 0 {
			return copy(buffer, piece), nil
		}
	}
}

func (r *bodyReader) Close() error {
	if r.stream != nil {
		r.stream.Drop()
		r.body.Drop()
		r.stream, r.open = nil, func() *wasi.IncomingBody { panic("read after it was closed") }
	}
	return nil
}

// writeAll writes as fast as the host takes it.
func writeAll(stream *streams.OutputStream, data []byte) (int, error) {
	for at := 0; at < len(data); {
		room := stream.CheckWrite()
		if room.IsErr() {
			return at, io.ErrClosedPipe
		}
		if room.Ok() == 0 {
			ready := stream.Subscribe()
			ready.Block()
			ready.Drop()
			continue
		}
		end := at + int(min(room.Ok(), uint64(len(data)-at)))
		if stream.Write(data[at:end]).IsErr() {
			return at, io.ErrClosedPipe
		}
		at = end
	}
	return len(data), nil
}

// headers are fields as net/http has them.
func headers(fields *wasi.Fields) map[string][]string {
	found := map[string][]string{}
	for _, entry := range fields.Entries() {
		name := textproto.CanonicalMIMEHeaderKey(entry.F0)
		found[name] = append(found[name], string(entry.F1))
	}
	return found
}

var methods = map[uint8]string{
	wasi.MethodGet: "GET", wasi.MethodHead: "HEAD", wasi.MethodPost: "POST", wasi.MethodPut: "PUT",
	wasi.MethodDelete: "DELETE", wasi.MethodConnect: "CONNECT", wasi.MethodOptions: "OPTIONS",
	wasi.MethodTrace: "TRACE", wasi.MethodPatch: "PATCH",
}
