// Answers HTTP requests by net/http.
package main

import (
	"fmt"
	"io"
	"net/http"

	"moot/guest"
)

// main says what answers, and returns.
func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("/", greet)
	mux.HandleFunc("POST /{{name}}/echo", echo)
	guest.Serve(mux)
}

// Paths begin with the function's route.
func greet(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "hello from %s\n", r.URL.Path)
}

// Streams the request's body back.
func echo(w http.ResponseWriter, r *http.Request) {
	io.Copy(w, r.Body)
}
