package coroutine_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gothreading/threading/coroutine"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/thread"
)

// A model is what a generator is to those who only call it: a state, and a body that answers each resumption with the
// next of its reactions.
type model struct {
	state     coroutine.State
	reactions []reaction
}

type reaction struct {
	does string // yield, return, fail, pass on (what was thrown, else return), panic
	v    int
}

// answer is what a call returned, or panicked with.
type answer struct {
	v        int
	err      string
	panicked string
}

// resume is a call that resumes the body; thrown is the error that comes with it.
func (m *model) resume(thrown error) (a answer) {
	r := m.reactions[0]
	m.reactions = m.reactions[1:]
	m.state = coroutine.Ended
	err := error(nil)
	switch r.does {
	case "yield":
		m.state = coroutine.Suspended
		return answer{v: r.v}
	case "fail":
		err = errWhy
	case "pass on":
		err = thrown
	case "panic":
		return answer{panicked: fmt.Sprint("panic ", r.v)}
	}
	if err == nil {
		err = coroutine.ErrDone
	}
	return answer{err: err.Error()}
}

// call is what a call does, by the name of the method.
func (m *model) call(name string, thrown error) (a answer) {
	switch {
	case m.state == coroutine.Ended:
		switch name {
		case "Close":
			return answer{}
		case "Throw":
			return answer{err: thrown.Error()}
		}
		return answer{err: coroutine.ErrDone.Error()}
	case m.state == coroutine.Created:
		switch name {
		case "Send":
			return answer{panicked: coroutine.ErrNotStarted.Error()}
		case "Close":
			m.state = coroutine.Ended
			return answer{}
		case "Throw":
			m.state = coroutine.Ended
			return answer{err: thrown.Error()}
		}
	}
	if name != "Close" {
		return m.resume(thrown)
	}
	a = m.resume(coroutine.ErrClosed)
	switch {
	case m.state == coroutine.Suspended:
		return answer{panicked: coroutine.ErrIgnoredClose.Error()}
	case a.err == coroutine.ErrDone.Error() || a.err == coroutine.ErrClosed.Error():
		return answer{}
	}
	return a
}

// Random bodies, by random ways three deep at most, called at random by any of several goroutines in turn: what they answer
// is what the model does.
func TestAGeneratorDoesWhatItsModelDoes(t *testing.T) {
	programs := 2000
	if testing.Short() || proof.Race {
		programs = 200
	}
	names := []string{"Next", "From", "From a started one", "a call"}
	for seed := range uint64(programs) {
		random := rand.New(rand.NewPCG(seed, 3))
		m := model{state: coroutine.Created}
		for i := range 12 {
			does := "yield"
			if i == 11 || random.IntN(4) == 0 {
				does = []string{"return", "fail", "pass on", "pass on", "panic"}[random.IntN(5)]
			}
			m.reactions = append(m.reactions, reaction{does, i + 1})
		}
		script := m.reactions
		body := func(yield asks) (err error) {
			for _, r := range script {
				thrown := err
				switch r.does {
				case "yield":
					_, err = yield(r.v)
				case "fail":
					return errWhy
				case "pass on":
					return thrown
				case "panic":
					panic(fmt.Sprint("panic ", r.v))
				default:
					return nil
				}
			}
			return nil
		}
		path := ""
		for range random.IntN(4) {
			way := names[random.IntN(len(names))]
			path += way + ", "
			body = ways[way](t, body)
		}
		g := coroutine.New(body)
		for step := range 14 {
			name := []string{"Next", "Next", "Send", "Throw", "Close"}[random.IntN(5)]
			thrown := fmt.Errorf("thrown %d", step)
			if step == 13 {
				name = "Close"
			}
			var got answer
			act := func() {
				defer func() {
					if v := recover(); v != nil {
						err, _ := v.(error)
						got.panicked = fmt.Sprint(v)
						if p := (*thread.PanicError)(nil); errors.As(err, &p) {
							got.panicked = fmt.Sprint(p.Value)
						}
					}
				}()
				var err error
				switch name {
				case "Next":
					got.v, err = g.Next()
				case "Send":
					got.v, err = g.Send(step)
				case "Throw":
					got.v, err = g.Throw(thrown)
				case "Close":
					err = g.Close()
				}
				if err != nil {
					got.err = err.Error()
				}
			}
			if random.IntN(3) == 0 {
				thread.Go(act).Join()
			} else {
				act()
			}
			var with error
			if name == "Throw" {
				with = thrown
			}
			if want := m.call(name, with); got != want || g.State() != m.state {
				t.Fatalf("seed %d, through %s step %d: %s is %+v and leaves %v, want %+v and %v\nby %v",
					seed, path, step, name, got, g.State(), want, m.state, script)
			}
		}
		for g.State() == coroutine.Suspended { // it ignores Close
			_ = try(func() { _ = g.Close() })
		}
	}
}
