// Greets over HTTP. An ordinary mux of net/http, with one line of this platform in it.
//
// .../echo streams the request's body back as it comes; any other path is greeted.
package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"moot/guest"
)

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("/", greet)
	guest.Serve(mux)
}

func greet(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/echo") {
		// Said to be nothing: else the library guesses.
		w.Header()["Content-Type"] = nil
		io.Copy(w, r.Body)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "hello from %s\n", r.URL.EscapedPath())
}
