// Fetches the URL in its query and hands the answer on: .../?url=https%3A%2F%2Fexample.com%2F
//
// What it may reach is not its own decision: grants.http in moot.toml is, and everything else is refused by the host
// before a packet leaves.
package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"moot/guest"
)

func main() { guest.Serve(http.HandlerFunc(fetch)) }

// Redirects are answers like others: passed on, not followed.
var client = http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func fetch(w http.ResponseWriter, r *http.Request) {
	if !r.URL.Query().Has("url") {
		answer(w, http.StatusBadRequest, "say what to fetch: ?url=https%3A%2F%2Fexample.com%2F\n")
		return
	}
	asked := r.URL.Query().Get("url")
	if parsed, err := url.Parse(asked); err != nil || parsed.Host == "" {
		if err == nil {
			err = errors.New("it names no host")
		}
		answer(w, http.StatusBadRequest, fmt.Sprintf("%q is not a URL: %v\n", asked, err))
		return
	}
	fetched, err := client.Get(asked)
	if err != nil {
		answer(w, http.StatusBadGateway, fmt.Sprintf("%s could not be fetched: %v\n", asked, err))
		return
	}
	defer fetched.Body.Close()
	// Status and body are passed on; headers are the other side's own business (length, encoding, cookies).
	w.Header()["Content-Type"] = nil
	w.WriteHeader(fetched.StatusCode)
	io.Copy(w, fetched.Body)
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header()["Content-Type"] = nil
	w.WriteHeader(status)
	io.WriteString(w, text)
}
