// Package diagnosehttp serves the report of package diagnose as a page, as text and as
// JSON. It is a package of its own because net/http makes a program of 3 MB one of 8.
package diagnosehttp

import (
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"

	"github.com/gothreading/threading/diagnose"
)

// mostRefreshed is how many goroutines a page may have that refreshes itself: each look
// stops the world for some 5 µs for each of them.
const mostRefreshed = 5000

// Handler returns a handler that serves the report:
//
//	mux.Handle("/debug/threading", diagnosehttp.Handler())
//
// It is a page without scripts, or, as the header Accept or the parameter format
// ("html", "text" or "json") says, text or JSON. With the parameter refresh=2 the page
// loads itself again every two seconds, as long as there are fewer than 5,000
// goroutines. With leak=1 the runtime first looks for goroutines that nothing can wake,
// which takes a garbage collection, if this version of Go can.
//
// The page shows stacks, as those of net/http/pprof do, so it is for those only who may
// see them. To import this package registers nothing.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "diagnosehttp: the report can only be read, by GET", http.StatusMethodNotAllowed)
		return
	}
	kind := format(r)
	if kind == "" {
		http.Error(w, "diagnosehttp: format "+strconv.Quote(r.FormValue("format"))+" is none of html, text, json", http.StatusBadRequest)
		return
	}
	canAsk := pprof.Lookup("goroutineleak") != nil
	if p := pprof.Lookup("goroutineleak"); p != nil && r.FormValue("leak") == "1" {
		_ = p.WriteTo(io.Discard, 0) // marks those that nothing can wake
	}
	refresh, _ := strconv.Atoi(r.FormValue("refresh"))
	crowded := runtime.NumGoroutine() >= mostRefreshed
	if crowded {
		refresh = 0
	}
	report := diagnose.Read()
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept")
	h.Set("X-Content-Type-Options", "nosniff")
	switch kind {
	case "json":
		h.Set("Content-Type", "application/json")
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		_ = e.Encode(report)
	case "text":
		h.Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = report.WriteTo(w)
	default:
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		p := page{report: report, refresh: refresh, crowded: crowded, canAsk: canAsk}
		_, _ = io.WriteString(w, p.html())
	}
}

// format returns what the client wants, or nothing if it asks for something else.
func format(r *http.Request) string {
	switch f := r.FormValue("format"); f {
	case "html", "text", "json":
		return f
	case "":
	default:
		return ""
	}
	for _, accepted := range strings.Split(r.Header.Get("Accept"), ",") {
		kind, _, _ := strings.Cut(strings.TrimSpace(accepted), ";")
		switch kind {
		case "text/html", "application/xhtml+xml":
			return "html"
		case "application/json":
			return "json"
		case "text/plain":
			return "text"
		}
	}
	return "html"
}
