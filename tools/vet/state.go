package vet

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
)

// A status is what is known of a lock at one point of a function.
type status uint8

const (
	untouched status = iota // the function has done nothing to it yet
	free                    // it is not locked, by what the function did
	held                    // the function has locked it, whichever way led here
	pending                 // it was tried, and the result was not looked at yet
	failed                  // it was tried in vain
	unchecked               // it was tried, and both results lead here
	maybe                   // nobody knows
)

// A mark is the status of a lock, and how it came about.
type mark struct {
	status   status
	at       token.Pos     // held, pending, failed, unchecked: where it was locked or tried
	try      *ast.CallExpr // the call, if it was tried
	handled  bool          // failed, unchecked: the failure has a branch of its own, if !ok { … }
	deferred bool          // an unlock was deferred, on one way at least
}

// A state is what is known at one point: of each lock, and which variable tells
// how a try went.
type state struct {
	marks map[key]mark
	bound map[types.Object]bound
}

type bound struct {
	key key
	try *ast.CallExpr
	op  op // tryBool or tryErr
}

func (s *state) clone() *state {
	return &state{maps.Clone(s.marks), maps.Clone(s.bound)}
}

func (s *state) equal(o *state) bool {
	return maps.Equal(s.marks, o.marks) && maps.Equal(s.bound, o.bound)
}

// set changes the status of a lock, and keeps whether an unlock is deferred.
func (s *state) set(k key, m mark) {
	m.deferred = m.deferred || s.marks[k].deferred
	s.marks[k] = m
}

// join is what is known where two ways meet.
func (s *state) join(o *state) *state {
	joined := &state{marks: make(map[key]mark, len(s.marks)), bound: map[types.Object]bound{}}
	for k, m := range s.marks {
		joined.marks[k] = m.join(o.marks[k])
	}
	for v, b := range s.bound {
		if o.bound[v] == b {
			joined.bound[v] = b
		}
	}
	return joined
}

func (m mark) join(o mark) mark {
	deferred := m.deferred || o.deferred
	m.deferred, o.deferred = deferred, deferred
	if m == o {
		return m
	}
	if m.status > o.status {
		m, o = o, m
	}
	sameTry := m.try != nil && m.try == o.try
	switch {
	case m.status == held && o.status == held:
		return m
	case o.status == unchecked && m.status == unchecked && sameTry,
		o.status == unchecked && (m.status == held || m.status == failed) && sameTry:
		o.handled = o.handled || m.handled
		return o
	case m.status == held && o.status == failed && sameTry:
		return mark{unchecked, o.at, o.try, o.handled, deferred}
	case notHeld(m) && notHeld(o):
		return mark{status: free, deferred: deferred}
	}
	return mark{status: maybe, deferred: deferred}
}

func notHeld(m mark) bool { return m.status == untouched || m.status == free || m.status == failed }

// blur makes the tries whose result no variable holds any more into what nobody
// knows: whoever looks at something else may know more than is known here.
func (s *state) blur() {
	for k, m := range s.marks {
		if (m.status == pending || m.status == unchecked) && !s.tells(m.try) {
			s.set(k, mark{status: maybe})
		}
	}
}

func (s *state) tells(try *ast.CallExpr) bool {
	for _, b := range s.bound {
		if b.try == try {
			return true
		}
	}
	return false
}

// forget is for a variable that gets another value: the locks that it led to are
// others now, and it tells of no try any more.
func (s *state) forget(v types.Object) {
	delete(s.bound, v)
	for k := range s.marks {
		if k.root == v {
			s.marks[k] = mark{status: maybe}
		}
	}
}

// use is for a variable whose value goes somewhere else than into a condition.
func (s *state) use(v types.Object) {
	b, ok := s.bound[v]
	if !ok {
		return
	}
	delete(s.bound, v)
	if m := s.marks[b.key]; m.try == b.try && (m.status == pending || m.status == unchecked) {
		s.set(b.key, mark{status: maybe})
	}
}
