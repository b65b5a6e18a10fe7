//go:build threadingdebug

package diagnose

import (
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gothreading/threading/internal/traceback"
	"github.com/gothreading/threading/internal/watch"
)

// Full reports whether this build has the tag threadingdebug, and so knows who holds
// what.
const Full = true

// A looked is what is held and waited for, as package watch knows it.
type looked struct {
	watch.Snapshot
	waits map[uint64]*watch.Wait // by the goroutine that sleeps
}

func look() *looked {
	l := &looked{Snapshot: watch.Look(), waits: map[uint64]*watch.Wait{}}
	for _, w := range l.Waits {
		l.waits[w.Own] = w
	}
	return l
}

// object returns what g waits for, if that has a Mark.
func (l *looked) object(g *traceback.Goroutine, w *traceback.Wait) (string, *Object) {
	if x := l.waits[g.ID]; x != nil && x.Waiting() {
		return key(x.Of), object(x.Of)
	}
	for _, id := range l.Queues {
		if at := uint64(id.Address); w.Type == "queue.Queue" && w.Guard >= at && w.Guard-at < 64 {
			return key(id), object(id)
		}
	}
	if name := watch.NameAt(uintptr(w.Guard)); name != "" {
		o := &Object{Type: w.Type, Name: name, Address: fmt.Sprintf("%#x", cmpOr(w.Start, w.Guard))}
		return fmt.Sprint(w.Type, w.Guard), o
	}
	return "", nil
}

func cmpOr(a, b uint64) uint64 {
	if a != 0 {
		return a
	}
	return b
}

// complete adds to p what is known of the wait of g: since when, and with which limit.
func (l *looked) complete(g *traceback.Goroutine, p *Party) {
	x := l.waits[g.ID]
	if x == nil || !x.Waiting() {
		return
	}
	p.Limit = x.Limit
	if !g.Bubble {
		p.Since = watch.Age(x.Since)
	}
}

func key(id *watch.Identity) string { return fmt.Sprint("#", id.Number) }

// object describes what a Mark belongs to.
func object(id *watch.Identity) *Object {
	o := &Object{Type: id.What.String(), Address: fmt.Sprintf("%#x", id.Address)}
	if name := id.Name.Load(); name != nil {
		o.Name = *name
	}
	if s, ok := id.Stat(); ok {
		o.Len, o.Cap, o.Unfinished = s.Len, s.Cap, s.Unfinished
	}
	return o
}

// full adds who holds what, and what follows from that.
func (r *reading) full(l *looked) {
	tasks := map[*watch.Identity][]Party{}
	for _, h := range l.Holds {
		if !h.Held() {
			continue // it was released meanwhile
		}
		if h.Of.What == watch.Task {
			p := r.party(h.Goroutine())
			p.Since, p.Now = r.age(h.Goroutine(), h.Since), r.now(h.Goroutine())
			if w := r.waits[h.Goroutine()]; w != nil {
				p.Form, p.Object = w.Form, w.object.String()
			}
			tasks[h.Group] = append(tasks[h.Group], p)
		}
		if r.objects[key(h.Of)] == nil {
			if !h.Of.What.Lockable() {
				continue // nobody waits for its end
			}
			r.add(key(h.Of), object(h.Of))
		}
		o := r.objects[key(h.Of)]
		o.Holders = append(o.Holders, r.holder(h))
		if h.What.Lockable() {
			o.State = "locked"
		}
		r.abandoned(h)
	}
	for _, k := range r.keys {
		if o := r.objects[k]; o.State == "" && len(o.Waiters) > 0 && strings.Contains("lock.Lock rlock.RLock rwlock.RWLock", o.Type) {
			o.State = "free, on its way to a waiter"
		}
	}
	cycles := watch.Cycles()
	for _, c := range cycles {
		r.find(r.deadlock(c))
	}
	for _, o := range watch.Orders() {
		if !slices.ContainsFunc(cycles, func(c watch.Cycle) bool { return about(c, o) }) {
			r.find(r.order(o))
		}
	}
	r.selfWaits(l)
	r.unfinished(l)
	for _, id := range l.Pools {
		s, ok := id.Stat()
		if !ok || s.Running+s.Lent+s.Queued+len(tasks[id]) == 0 {
			continue
		}
		slices.SortFunc(tasks[id], func(a, b Party) int { return int(b.Since - a.Since) })
		r.report.Pools = append(r.report.Pools, Pool{
			Name: s.Name, Workers: s.Workers, Running: s.Running, Lent: s.Lent, Queued: s.Queued, Tasks: tasks[id],
		})
	}
}

// age is how long ago something was, or 0 if the goroutine is in a bubble, which has a
// clock of its own.
func (r *reading) age(goroutine uint64, since time.Duration) time.Duration {
	if g := r.goroutines[goroutine]; g != nil && g.Bubble {
		return 0
	}
	return max(watch.Age(since), 0)
}

func (r *reading) holder(h *watch.Hold) Party {
	p := r.party(h.Goroutine())
	p.Object, p.Since = object(h.Of).String(), r.age(h.Goroutine(), h.Since)
	p.At, p.Now = resolve(h.Frames()), r.now(h.Goroutine())
	p.Ended = r.ended(h.Goroutine())
	return p
}

func (r *reading) ended(goroutine uint64) bool { return r.goroutines[goroutine] == nil }

// waiter is the goroutine of a wait.
func (r *reading) waiter(w *watch.Wait) Party {
	p := r.party(w.Goroutine())
	p.Object, p.Since, p.Limit = object(w.Of).String(), r.age(w.Goroutine(), w.Since), w.Limit
	p.Form, p.At = formAt(w.Frames()), resolve(w.Frames())
	return p
}

// resolve returns the calls of the program, without those of this toolkit. If all that
// were noted are of this toolkit, it returns the outermost.
func resolve(of *runtime.Frames) (fs []Frame) {
	var ours []Frame
	for more := true; more; {
		var f runtime.Frame
		f, more = of.Next()
		switch {
		case f.Function == "" || strings.HasPrefix(f.Function, "runtime."):
		case traceback.Ours(f.Function, f.File):
			ours = append(ours[:0], Frame{Func: f.Function, File: f.File, Line: f.Line})
		default:
			fs = append(fs, Frame{Func: f.Function, File: f.File, Line: f.Line})
		}
	}
	if len(fs) == 0 {
		return ours
	}
	return fs
}

// formAt returns the exported call of this toolkit that a wait is in.
func formAt(of *runtime.Frames) (form string) {
	for more := true; more; {
		var f runtime.Frame
		f, more = of.Next()
		if f.Function == "" || !traceback.Ours(f.Function, f.File) {
			break
		}
		name := path.Base(f.Function)
		name = name[strings.LastIndexByte(name, '.')+1:]
		if strings.HasSuffix(f.Function, "[...]") {
			name = strings.TrimSuffix(path.Base(f.Function), "[...]")
			name = name[strings.LastIndexByte(name, '.')+1:]
		}
		if name != "" && name[0] >= 'A' && name[0] <= 'Z' {
			form = name
		}
	}
	if form == "" {
		return "a call"
	}
	return form
}

// abandoned finds a lock whose holder has ended.
func (r *reading) abandoned(h *watch.Hold) {
	if !r.ended(h.Goroutine()) || !h.What.Lockable() || len(r.goroutines) == 0 || !h.Held() {
		return
	}
	p := r.holder(h)
	text := fmt.Sprintf("%s is held by %s at %s", p.Object, p.who(), site(p.At))
	if h.What == watch.RLock {
		text += "; nobody can unlock it"
	} else {
		text += "; only another goroutine can unlock it"
	}
	r.find(Finding{Kind: Abandoned, Certain: h.What == watch.RLock, Text: text, Steps: []Party{p}})
}

// deadlock tells of a cycle.
func (r *reading) deadlock(c watch.Cycle) Finding {
	f := Finding{Kind: Deadlock, Certain: true}
	f.Text = fmt.Sprintf("%d goroutines wait for each other, without a limit", len(c))
	if !c.Owned() {
		f.Text += ", unless somebody else unlocks"
	}
	for _, l := range c {
		f.Steps = append(f.Steps, r.waiter(l.Wait), r.holder(l.Hold))
	}
	return f
}

// order tells of a cycle of orders.
func (r *reading) order(o *watch.Order) Finding {
	f := Finding{Kind: Order}
	var names []string
	for _, e := range o.Edges {
		names = append(names, object(e.From).String())
		p := r.party(e.Goroutine)
		p.Ended = r.ended(e.Goroutine)
		p.Object = fmt.Sprintf("%s, then %s", object(e.From).String(), object(e.To).String())
		p.At, p.Now = resolve(e.Held()), resolve(e.Then())
		f.Steps = append(f.Steps, p)
	}
	f.Text = fmt.Sprintf("%s are locked in %d orders, each by a goroutine of its own", strings.Join(names, " and "), len(o.Edges))
	return f
}

// about reports whether a cycle of orders is of the locks of a deadlock, which says more.
func about(c watch.Cycle, o *watch.Order) bool {
	return !slices.ContainsFunc(o.Edges, func(e *watch.Edge) bool {
		return !slices.ContainsFunc(c, func(l watch.Link) bool { return l.Wait.Of == e.From })
	})
}

// selfWaits finds goroutines that wait for a lock which they hold.
func (r *reading) selfWaits(l *looked) {
	for _, h := range l.Holds {
		for _, w := range l.Waits {
			if w.Of != h.Of || w.Ends || w.Goroutine() != h.Goroutine() || !w.Waiting() || !h.Held() {
				continue
			}
			p := r.waiter(w)
			r.find(Finding{
				Kind: SelfWait, Steps: []Party{p, r.holder(h)},
				Text: fmt.Sprintf("%s waits for %s, which it holds itself; another goroutine may unlock it", p.who(), p.Object),
			})
		}
	}
}

// unfinished finds a Join that waits for a TaskDone which nobody is going to call.
func (r *reading) unfinished(l *looked) {
	for _, id := range l.Queues {
		o := r.objects[key(id)]
		if o == nil || o.Len > 0 || o.Unfinished == 0 {
			continue
		}
		at := slices.IndexFunc(o.Waiters, func(p Party) bool { return p.Form == "Join" })
		takers := id.Takers()
		if at < 0 || len(takers) == 0 || slices.ContainsFunc(takers, func(g uint64) bool { return !r.idle(g, o) }) {
			continue
		}
		r.find(Finding{
			Kind: Unfinished, Steps: o.Waiters[at : at+1],
			Text: fmt.Sprintf("%s waits in Join for %s, which is empty, and whoever took its items waits for more or has ended: %s missing",
				o.Waiters[at].who(), o.String(), count(o.Unfinished, "TaskDone")),
		})
	}
}

// idle reports whether a goroutine waits to get from o, or has ended.
func (r *reading) idle(goroutine uint64, o *Object) bool {
	if r.ended(goroutine) {
		return true
	}
	w := r.waits[goroutine]
	return w != nil && w.object == o && (strings.HasPrefix(w.Form, "Get") || strings.HasPrefix(w.Form, "Tasks"))
}
