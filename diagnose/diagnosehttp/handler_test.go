package diagnosehttp_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/diagnose/diagnosehttp"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/thread"
)

func TestMain(m *testing.M) {
	if diagnose.Full {
		os.Exit(m.Run()) // what is deadlocked on purpose stays
	}
	goleak.VerifyTestMain(m)
}

func get(t *testing.T, query, accept string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", "/debug/threading"+query, nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	diagnosehttp.Handler().ServeHTTP(w, r)
	return w
}

func TestTheFormatIsThatWhichIsAskedFor(t *testing.T) {
	for _, c := range []struct{ query, accept, kind string }{
		{"", "", "text/html"},
		{"", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html"},
		{"", "application/json", "application/json"},
		{"", "text/plain;q=0.9", "text/plain"},
		{"", "*/*", "text/html"},
		{"?format=json", "text/html", "application/json"},
		{"?format=text", "text/html", "text/plain"},
		{"?format=html", "application/json", "text/html"},
		{"?leak=1&format=text", "", "text/plain"},
	} {
		w := get(t, c.query, c.accept)
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), c.kind) || w.Body.Len() == 0 {
			t.Errorf("%+v: %d %s", c, w.Code, w.Header().Get("Content-Type"))
		}
	}
	if w := get(t, "?format=xml", ""); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"xml"`) {
		t.Error(w.Code, w.Body)
	}
	w := httptest.NewRecorder()
	diagnosehttp.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Error(w.Code)
	}
	var report diagnose.Report
	if err := json.Unmarshal(get(t, "?format=json", "").Body.Bytes(), &report); err != nil || report.Goroutines == 0 {
		t.Error(err)
	}
}

// A page whose tags are closed in order, and in which nothing stands that a name of the program brought in.
func TestThePageIsValidAndNamesAreEscaped(t *testing.T) {
	const evil = `<script>alert("1")</script>&`
	var l lock.Lock
	diagnose.Name(&l, evil)
	l.Lock()
	waiter := thread.Go(func() { l.Lock(); l.Unlock() }, thread.Name(evil))
	defer waiter.Join()
	defer l.Unlock()
	page := ""
	for start := time.Now(); !strings.Contains(page, "lock.Lock"); time.Sleep(time.Millisecond) {
		if time.Since(start) > 3*time.Minute {
			t.Fatal("nobody waits")
		}
		page = get(t, "?refresh=2", "").Body.String()
	}
	if strings.Contains(page, "<script") || !strings.Contains(page, "&lt;script&gt;") {
		t.Error("a name is not escaped:\n" + page)
	}
	if !strings.Contains(page, `http-equiv="refresh" content="2"`) {
		t.Error("it does not refresh")
	}
	valid(t, page)
}

// valid reads a page as XML, which it is, too.
func valid(t *testing.T, page string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Entity = xml.HTMLEntity
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, page)
		}
	}
}

func TestTooManyAreNotRefreshed(t *testing.T) {
	stop := make(chan bool)
	var wg sync.WaitGroup
	for range 5000 {
		wg.Go(func() { <-stop })
	}
	page := get(t, "?refresh=2", "").Body.String()
	close(stop)
	wg.Wait()
	if strings.Contains(page, "http-equiv") || !strings.Contains(page, "which stops the world for some") {
		t.Error(page[:1500])
	}
}

func TestImportingRegistersNothing(t *testing.T) {
	for _, path := range []string{"/debug/threading", "/debug/threading/"} {
		if _, pattern := http.DefaultServeMux.Handler(httptest.NewRequest("GET", path, nil)); pattern != "" {
			t.Error(pattern)
		}
	}
}

func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("/debug/threading", diagnosehttp.Handler())
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/debug/threading?format=json", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 200 application/json
}
