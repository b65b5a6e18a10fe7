//go:build threadingdebug

package watch

import (
	"runtime"
	"slices"
	"sync"

	"github.com/gothreading/threading/internal/goid"
)

// # Orders
//
// Whoever acquires one lock while it holds another makes an edge of a graph, from the
// one to the other, also if the lock is free. A cycle of edges may be a deadlock on
// another day. Not if
//
//   - one goroutine made two of the edges, for it cannot overlap with itself;
//   - at two of the edges a common lock was held, which lets only one be there at a
//     time, unless both held it as readers;
//   - a lock of the cycle is wanted by a reader and held by a reader.
//   - a lock of the cycle was once released by another goroutine than its holder: it
//     is passed on, or a signal.
//
// Only attempts without a limit make edges: the others end. What is held counts
// however it was acquired, but not more than the last held locks.

const (
	mostHeld   = 8 // locks that count
	mostRoutes = 8 // edges from one lock to another, which differ in goroutine or in what else was held
	mostSteps  = 10_000
	mostOrders = 100  // that are told of
	mostSeen   = 1024 // edges that a goroutine knows to be known
)

// An Order is a cycle of edges, each by a goroutine of its own.
type Order struct{ Edges []*Edge }

// An Edge is that a goroutine wanted a lock while it held another.
type Edge struct {
	From, To  *Identity
	Goroutine uint64
	held      *trace
	then      *trace
	reads     [2]bool
	holds     []held // all that was held, From too
}

// Held returns the calls in which From was acquired, the innermost first.
func (e *Edge) Held() *runtime.Frames { return e.held.frames() }

// Then returns those in which To was wanted.
func (e *Edge) Then() *runtime.Frames { return e.then.frames() }

type held struct {
	number uint64
	read   bool
}

// A route is what tells edges apart.
type route struct {
	from, to  uint64
	fromReads bool
	toReads   bool
	holds     uint64 // a hash
}

// graph has all edges between locks that live.
var graph struct {
	sync.Mutex
	nodes  map[*Identity]*node
	sweep  int
	orders []*Order
}

type node struct {
	out map[*Identity][]*Edge
}

// attempt makes the edges from what the calling goroutine holds to what it is about to
// acquire.
func attempt(m *Mark, what What) {
	goroutine := goid.Get()
	s := shardOf(goroutine)
	var holds [mostHeld]*Hold
	n := 0
	s.Lock()
	st := s.states[goroutine]
	if st != nil {
		for i := len(st.holds) - 1; i >= 0 && n < mostHeld; i-- {
			if st.holds[i].What.Lockable() {
				holds[n] = st.holds[i]
				n++
			}
		}
	}
	s.Unlock()
	if n == 0 {
		return
	}
	to := m.of(what)
	hash := uint64(0)
	for _, h := range holds[:n] {
		if h.Of == to {
			return // it waits for itself, or reads twice
		}
		bits := h.Of.Number * 0x9E3779B97F4A7C15
		if h.What == Reader {
			bits = ^bits
		}
		hash += bits
	}
	for _, h := range holds[:n] {
		r := route{h.Of.Number, to.Number, h.What == Reader, what == Reader, hash}
		if _, known := st.seen[r]; known { // which only this goroutine uses
			continue
		}
		if st.seen == nil || len(st.seen) >= mostSeen {
			st.seen = map[route]struct{}{}
		}
		st.seen[r] = struct{}{}
		e := &Edge{
			From: h.Of, To: to, Goroutine: goroutine, held: h.at, then: calls(2, 3),
			reads: [2]bool{h.What == Reader, what == Reader}, holds: allHeld(holds[:n]),
		}
		if o := add(e); o != nil && OnOrder != nil {
			OnOrder(o)
		}
	}
}

func allHeld(holds []*Hold) (all []held) {
	for _, h := range holds {
		all = append(all, held{h.Of.Number, h.What == Reader})
	}
	return all
}

// add adds an edge, and returns the cycle that it closes, if there is one that was not
// told of.
func add(e *Edge) *Order {
	graph.Lock()
	defer graph.Unlock()
	if graph.nodes == nil || len(graph.nodes) >= graph.sweep {
		forget()
	}
	if graph.nodes[e.To] == nil {
		graph.nodes[e.To] = &node{}
	}
	from := graph.nodes[e.From]
	if from == nil {
		from = &node{}
		graph.nodes[e.From] = from
	}
	if from.out == nil {
		from.out = map[*Identity][]*Edge{}
	}
	routes := from.out[e.To]
	if len(routes) >= mostRoutes || slices.ContainsFunc(routes, e.same) {
		return nil
	}
	from.out[e.To] = append(routes, e)
	o := e.close()
	if o == nil || len(graph.orders) >= mostOrders || slices.ContainsFunc(graph.orders, o.same) {
		return nil
	}
	graph.orders = append(graph.orders, o)
	return o
}

func (e *Edge) same(other *Edge) bool {
	return e.Goroutine == other.Goroutine && e.reads == other.reads && slices.Equal(e.holds, other.holds)
}

// forget forgets locks that are gone, or serve another key.
func forget() {
	if graph.nodes == nil {
		graph.nodes = map[*Identity]*node{}
	}
	gone := map[*Identity]bool{}
	for id := range graph.nodes {
		if m := id.mark.Value(); m == nil || m.identity.Load() != id {
			gone[id] = true
		}
	}
	for id := range gone {
		delete(graph.nodes, id)
	}
	for _, n := range graph.nodes {
		for to := range n.out {
			if gone[to] {
				delete(n.out, to)
			}
		}
	}
	graph.sweep = max(64, 2*len(graph.nodes))
}

// close returns the cycle that e closes, or nil.
func (e *Edge) close() *Order {
	path := []*Edge{e}
	steps := 0
	var follow func(at *Identity) bool
	follow = func(at *Identity) bool {
		n := graph.nodes[at]
		if n == nil || len(path) > 10 {
			return false
		}
		for to, routes := range n.out {
			for _, next := range routes {
				if steps++; steps > mostSteps {
					return false
				}
				if path[len(path)-1].reads[1] && next.reads[0] || to.passed.Load() || !next.overlaps(path) {
					continue
				}
				path = append(path, next)
				if to == e.From {
					if !next.reads[1] || !e.reads[0] {
						return true
					}
				} else if !visits(path[:len(path)-1], to) && follow(to) {
					return true
				}
				path = path[:len(path)-1]
			}
		}
		return false
	}
	if e.To.passed.Load() || !follow(e.To) {
		return nil
	}
	return &Order{path}
}

func visits(path []*Edge, id *Identity) bool {
	return slices.ContainsFunc(path, func(e *Edge) bool { return e.From == id || e.To == id })
}

// overlaps reports whether e can happen while the edges of path do: by another
// goroutine, and with nothing held that any of those holds.
func (e *Edge) overlaps(path []*Edge) bool {
	for _, other := range path {
		if other.Goroutine == e.Goroutine {
			return false
		}
		for _, h := range e.holds {
			for _, o := range other.holds {
				if h.number == o.number && !(h.read && o.read) {
					return false
				}
			}
		}
	}
	return true
}

func (o *Order) same(other *Order) bool {
	return len(o.Edges) == len(other.Edges) && !slices.ContainsFunc(o.Edges, func(e *Edge) bool {
		return !slices.ContainsFunc(other.Edges, func(f *Edge) bool { return f.From == e.From })
	})
}

// Orders returns the cycles of orders that were found.
func Orders() []*Order {
	graph.Lock()
	defer graph.Unlock()
	return slices.Clone(graph.orders)
}
