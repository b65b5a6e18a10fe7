package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/gothreading/threading/internal/roster"
	"github.com/gothreading/threading/internal/traceback"
)

// Read returns what is held and waited for now. It stops the world for some 5 µs for
// each goroutine.
func Read() *Report { return read().report }

// A reading is a report in the making.
type reading struct {
	report     *Report
	goroutines map[uint64]*traceback.Goroutine
	threads    map[uint64]string
	objects    map[string]*Object // by what tells them apart
	keys       []string
	waits      map[uint64]*waiting // by goroutine
}

// A waiting is a goroutine that waits in a call of this toolkit.
type waiting struct {
	traceback.Wait
	goroutine *traceback.Goroutine
	object    *Object
}

func read() *reading {
	r := &reading{
		report:     &Report{Time: time.Now(), Full: Full},
		goroutines: map[uint64]*traceback.Goroutine{},
		threads:    map[uint64]string{},
		objects:    map[string]*Object{},
		waits:      map[uint64]*waiting{},
	}
	before := look()
	all, pause := traceback.All()
	r.report.Goroutines, r.report.Pause = len(all), pause
	for i := range all {
		g := &all[i]
		r.goroutines[g.ID] = g
		if g.Thread != "" {
			r.threads[g.ID] = g.Thread
		}
	}
	r.nameThreads()
	for i := range all {
		r.wait(&all[i], before)
	}
	r.hopeless()
	r.full(before)
	r.listThreads()
	r.sort()
	return r
}

func (r *reading) nameThreads() {
	if roster.Threads == nil {
		return
	}
	for _, t := range roster.Threads() {
		if t.Goroutine != 0 {
			r.threads[t.Goroutine] = t.Name
		}
	}
}

// wait notes what g waits for, if that is something of this toolkit.
func (r *reading) wait(g *traceback.Goroutine, known *looked) {
	w, ok := g.Wait()
	if !ok {
		return
	}
	key, o := r.place(g, &w, known)
	if r.objects[key] == nil {
		r.add(key, o)
	}
	o = r.objects[key]
	if o.Address == "" && w.Start != 0 {
		o.Address = fmt.Sprintf("%#x", w.Start)
	}
	p := r.party(g.ID)
	p.Object, p.Form, p.Since, p.At = o.String(), w.Form, g.Blocked, frames(w.Users)
	p.Limit = time.Duration(w.Limit)
	known.complete(g, &p)
	o.Waiters = append(o.Waiters, p)
	r.waits[g.ID] = &waiting{Wait: w, goroutine: g, object: o}
}

// place returns the object that g waits for, and what tells it from others.
func (r *reading) place(g *traceback.Goroutine, w *traceback.Wait, known *looked) (key string, o *Object) {
	if key, o := known.object(g, w); o != nil {
		return key, o
	}
	o = &Object{Type: w.Type}
	switch at := w.Guard; {
	case at == 0:
		return w.Type, o
	case w.Start != 0:
		o.Address = fmt.Sprintf("%#x", w.Start)
	default:
		o.Address = fmt.Sprintf("%#x", at)
	}
	return fmt.Sprint(w.Type, w.Guard), o
}

func (r *reading) add(key string, o *Object) {
	r.objects[key] = o
	r.keys = append(r.keys, key)
}

// party is a goroutine, by its id.
func (r *reading) party(id uint64) Party {
	return Party{Goroutine: id, Thread: r.threads[id]}
}

// now returns where a goroutine is, or nil if it has ended.
func (r *reading) now(id uint64) []Frame {
	g := r.goroutines[id]
	if g == nil {
		return nil
	}
	if w := r.waits[id]; w != nil {
		return frames(w.Users)
	}
	return frames(g.Users())
}

// hopeless adds the goroutines of which the runtime has found that nothing can wake
// them. It looks for them when its profile goroutineleak is written.
func (r *reading) hopeless() {
	for _, id := range slices.Sorted(keys(r.waits)) {
		w := r.waits[id]
		if !w.goroutine.Leaked {
			continue
		}
		p := r.party(id)
		p.Object, p.Form, p.Since, p.At = w.object.String(), w.Form, w.goroutine.Blocked, frames(w.Users)
		r.find(Finding{
			Kind: Hopeless, Certain: true, Steps: []Party{p},
			Text: fmt.Sprintf("%s waits in %s for %s, which nobody can reach any more", p.who(), p.Form, p.Object),
		})
	}
}

func (r *reading) find(f Finding) { r.report.Findings = append(r.report.Findings, f) }

// listThreads lists the threads that are alive.
func (r *reading) listThreads() {
	if roster.Threads == nil {
		return
	}
	for _, t := range roster.Threads() {
		p := Party{Goroutine: t.Goroutine, Thread: t.Name, Now: r.now(t.Goroutine)}
		if w := r.waits[t.Goroutine]; w != nil {
			p.Form, p.Object = w.Form, w.object.String()
		}
		r.report.Threads = append(r.report.Threads, p)
	}
}

// sort puts the worst finding first, and the object that is waited for longest.
func (r *reading) sort() {
	rank := []Kind{Deadlock, Hopeless, Abandoned, Order, Unfinished, SelfWait, Long}
	slices.SortStableFunc(r.report.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(rank, a.Kind), slices.Index(rank, b.Kind)), boolCompare(b.Certain, a.Certain))
	})
	for _, key := range r.keys {
		o := r.objects[key]
		slices.SortStableFunc(o.Waiters, func(a, b Party) int { return cmp.Compare(b.Since, a.Since) })
		r.report.Objects = append(r.report.Objects, *o)
	}
	slices.SortStableFunc(r.report.Objects, func(a, b Object) int {
		return cmp.Or(cmp.Compare(longest(b), longest(a)), cmp.Compare(len(b.Waiters), len(a.Waiters)))
	})
}

func longest(o Object) time.Duration {
	if len(o.Waiters) == 0 {
		return -1
	}
	return o.Waiters[0].Since
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// mostFrames is how many calls of a stack are in a report.
const mostFrames = 16

func frames(of []traceback.Frame) (fs []Frame) {
	for _, f := range of[:min(len(of), mostFrames)] {
		fs = append(fs, Frame{Func: f.Func, File: f.File, Line: f.Line})
	}
	return fs
}

// keys iterates over the keys of a map.
func keys[K comparable, V any](m map[K]V) func(yield func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
