package diagnose

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Options say how [Watch] looks.
type Options struct {
	Every   time.Duration // how often to look; 0: 10 s
	Longer  time.Duration // > 0: also tell of waits and holds longer than this
	Signals []os.Signal   // write the whole report when one of these arrives
	Output  io.Writer     // nil: os.Stderr
	Found   func(Finding) // nil: write it to Output. Called once for each finding, in a goroutine of its own
}

// Watch looks now and then, and tells of what it finds. It runs one goroutine until
// stop is called; stop again does nothing. With the tag, deadlocks and contradictory
// orders are told of when they happen, and no longer printed by themselves.
//
// A look stops the world, so Watch looks at no more than 20,000 goroutines; above that
// it says once that it does not.
func Watch(o Options) (stop func()) {
	if o.Every <= 0 {
		o.Every = 10 * time.Second
	}
	if o.Output == nil {
		o.Output = os.Stderr
	}
	w := &watcher{Options: o, quit: make(chan struct{}), news: make(chan Finding, 100), done: make(chan struct{}), first: map[string]time.Time{}}
	signals := make(chan os.Signal, 1)
	if len(o.Signals) > 0 {
		signal.Notify(signals, o.Signals...)
	}
	unsubscribe := subscribe(func(f Finding) {
		select {
		case w.news <- f:
		default: // the next look finds it if it stands
		}
	})
	go w.run(signals)
	return sync.OnceFunc(func() {
		unsubscribe()
		signal.Stop(signals)
		close(w.quit)
		<-w.done
	})
}

// mostGoroutines is how many Watch looks at.
const mostGoroutines = 20_000

// A watcher is the goroutine of Watch.
type watcher struct {
	Options
	quit, done chan struct{}
	news       chan Finding
	known      []Finding
	first      map[string]time.Time // when a wait or a hold was first seen
	tooMany    bool                 // it has said so
}

func (w *watcher) run(signals <-chan os.Signal) {
	defer close(w.done)
	ticker := time.NewTicker(w.Every)
	defer ticker.Stop()
	for {
		select {
		case <-w.quit:
			return
		case f := <-w.news:
			w.tell(f)
		case <-signals:
			_, _ = Read().WriteTo(w.Output)
		case <-ticker.C:
			w.look()
		}
	}
}

func (w *watcher) look() {
	if n := runtime.NumGoroutine(); n > mostGoroutines {
		if !w.tooMany {
			w.tooMany = true
			fmt.Fprintf(w.Output, "threading: %d goroutines are too many to be looked at now and then\n", n)
		}
		return
	}
	r := Read()
	w.known = slices.DeleteFunc(w.known, func(f Finding) bool { // what is over may come again
		return f.Kind != Order && f.Kind != Long && !slices.ContainsFunc(r.Findings, f.same)
	})
	for _, f := range r.Findings {
		w.tell(f)
	}
	if w.Longer > 0 {
		w.long(r)
	}
}

// long tells of what lasts longer than it should.
func (w *watcher) long(r *Report) {
	now := map[string]time.Time{}
	note := func(p Party, what string, o *Object) {
		key := fmt.Sprint(p.Goroutine, what, p.Form, o.Type, o.Address)
		began, known := w.first[key]
		if !known {
			began = r.Time
		}
		if p.Since > 0 && r.Time.Add(-p.Since).Before(began) {
			began = r.Time.Add(-p.Since)
		}
		now[key] = began
		lasts := r.Time.Sub(began)
		if lasts < w.Longer {
			return
		}
		p.Since = lasts
		w.tell(Finding{Kind: Long, Steps: []Party{p}, Text: fmt.Sprintf("%s %s %s for longer than %v", p.who(), what, o.String(), w.Longer)})
	}
	for i := range r.Objects {
		o := &r.Objects[i]
		for _, p := range o.Waiters {
			note(p, "waits for", o)
		}
		if o.State == "locked" {
			for _, p := range o.Holders {
				note(p, "holds", o)
			}
		}
	}
	w.known = slices.DeleteFunc(w.known, func(f Finding) bool { // that which has ended may come again
		return f.Kind == Long && !slices.ContainsFunc(r.Objects, func(o Object) bool {
			same := func(p Party) bool { return p.Goroutine == f.Steps[0].Goroutine && p.Object == f.Steps[0].Object }
			return slices.ContainsFunc(o.Waiters, same) || slices.ContainsFunc(o.Holders, same)
		})
	})
	w.first = now
}

// tell tells of f, once.
func (w *watcher) tell(f Finding) {
	if slices.ContainsFunc(w.known, f.same) {
		return
	}
	w.known = append(w.known, f)
	if w.Found != nil {
		go w.Found(f)
		return
	}
	_, _ = io.WriteString(w.Output, "threading: "+f.text())
}
