// Asks another server, as far as grants.http in moot.toml goes.
package main

import (
	"io"
	"net/http"

	"moot/guest"
)

// main says what answers, and returns.
func main() { guest.Serve(http.HandlerFunc(fetch)) }

func fetch(w http.ResponseWriter, _ *http.Request) {
	answer, err := http.Get("https://example.com/")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
	w.WriteHeader(answer.StatusCode)
	io.Copy(w, answer.Body)
}
