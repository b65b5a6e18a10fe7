package barrier_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/barrier"
)

// How an action ends.
const (
	returns = iota
	aborts
	resets
	panics
	exits
	endings
)

// What becomes of a party, besides an index.
const (
	waiting = -1 - iota
	gotBroken
	gotCause
	panicked
	exited
)

// A player is a party of a program: what it does, and what it should have got
// by now.
type player struct {
	want     int // an index, or one of the above
	deadline time.Time
	byCtx    bool                    // its limit is a context
	cancel   context.CancelCauseFunc // nil: nobody can end its context

	mu  sync.Mutex
	got int
}

func (p *player) set(got int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = got
}

// limitError is what it gets when it gives up.
func (p *player) limitError() int {
	if p.byCtx {
		return gotCause
	}
	return gotBroken
}

// A team is a generation of players.
type team struct {
	players []*player
	broken  bool
}

func (g *team) end(want func(index int) int) {
	for i, p := range g.players {
		if p.want == waiting {
			p.want = want(i)
		}
	}
}

// A model is a Barrier that does one thing after the other. Its clock is the
// bubble's.
type model struct {
	parties int
	acts    bool // there is an action, which takes actTime
	filling team
	acting  *team
	actEnds time.Time
	turns   []*team
	broken  bool
}

const actTime = 10 * time.Second

func breaks(int) int { return gotBroken }

func (m *model) arrive(p *player, impatient bool) {
	if m.broken {
		p.want = gotBroken
		return
	}
	m.filling.players = append(m.filling.players, p)
	switch {
	case len(m.filling.players) == m.parties:
		g := m.filling
		m.filling = team{}
		switch {
		case !m.acts:
			g.end(func(index int) int { return index })
		case m.acting == nil:
			m.act(&g, time.Now())
		default:
			m.turns = append(m.turns, &g)
		}
	case impatient:
		m.giveUp(p)
	}
}

func (m *model) act(g *team, now time.Time) {
	m.acting = g
	m.actEnds = now.Add(actTime)
}

func (m *model) giveUp(p *player) {
	p.want = p.limitError()
	m.filling.end(breaks)
	m.filling = team{}
	m.broken = true
}

// scatter breaks all that are present but the one who is in the action.
func (m *model) scatter() {
	m.filling.end(breaks)
	m.filling = team{}
	for _, g := range m.turns {
		g.end(breaks)
	}
	m.turns = nil
	if g := m.acting; g != nil {
		g.broken = true
		for _, p := range g.players[:m.parties-1] {
			if p.want == waiting {
				p.want = gotBroken
			}
		}
	}
}

func (m *model) abort() {
	m.broken = true
	m.scatter()
}

func (m *model) reset() {
	m.broken = false
	m.scatter()
}

// actionEnds is what happens when the action ends.
func (m *model) actionEnds(ending int) {
	switch ending {
	case aborts:
		m.abort()
	case resets:
		m.reset()
	}
	g, last := m.acting, m.acting.players[m.parties-1]
	m.acting = nil
	switch {
	case ending == panics || ending == exits:
		last.want = panicked
		if ending == exits {
			last.want = exited
		}
		if !g.broken {
			g.end(breaks)
			m.abort()
		}
	case g.broken:
		g.end(breaks)
	default:
		g.end(func(index int) int { return index })
	}
	if len(m.turns) > 0 {
		next := m.turns[0]
		m.turns = m.turns[1:]
		m.act(next, m.actEnds)
	}
}

// elapse does what happens until now.
func (m *model) elapse(now time.Time, ending int) {
	for {
		var first *player // the next to give up
		for _, p := range m.filling.players {
			if !p.deadline.IsZero() && (first == nil || p.deadline.Before(first.deadline)) {
				first = p
			}
		}
		switch {
		case m.acting != nil && !m.actEnds.After(now) && (first == nil || !first.deadline.Before(m.actEnds)):
			m.actionEnds(ending)
		case first != nil && !first.deadline.After(now):
			m.giveUp(first)
		default:
			return
		}
	}
}

// FuzzTheBarrierDoesWhatItsModelDoes reads how many parties there are and
// whether there is an action, which takes ten seconds, and then operations of a
// byte: parties that come with all kinds of limits, aborts, resets, contexts
// that end, seconds that pass, and how the next actions are to end. After each,
// everybody must have got what the model says.
func FuzzTheBarrierDoesWhatItsModelDoes(f *testing.F) {
	// The seeds put each way to break a generation at each of its points.
	const (
		come, second, minute = 0, 8, 9
	)
	for _, breakup := range []byte{1, 2, 3, 4, 5, 6, 7} {
		for before := range byte(8) {
			program := make([]byte, before, 30) // as many come
			program = append(program, breakup, second, come, second, come, minute, come, breakup, minute, 6, come, come, come)
			for _, ending := range []byte{returns, aborts, resets, panics, exits} {
				withEnding := append([]byte{10 + 16*ending}, program...)
				f.Add(byte(2), ending == returns && before > 4, withEnding)
				f.Add(byte(3), true, withEnding)
				f.Add(byte(2), true, withEnding)
			}
		}
	}
	random := rand.NewChaCha8([32]byte{1})
	for parties := range byte(4) {
		for range 20 {
			program := make([]byte, 100)
			random.Read(program)
			f.Add(parties, true, program)
			f.Add(parties, false, program)
		}
	}
	f.Fuzz(func(t *testing.T, parties byte, acts bool, program []byte) {
		if len(program) > 1000 {
			return
		}
		synctest.Test(t, func(t *testing.T) { play(t, 1+int(parties%4), acts, program) })
	})
}

func play(t *testing.T, parties int, acts bool, program []byte) {
	m := &model{parties: parties, acts: acts}
	var ending atomic.Int32 // how the next actions end
	var b *barrier.Barrier
	var action func()
	if acts {
		action = func() {
			time.Sleep(actTime)
			switch ending.Load() {
			case aborts:
				b.Abort()
			case resets:
				b.Reset()
			case panics:
				panic(errWhy)
			case exits:
				runtime.Goexit()
			}
		}
	}
	b = barrier.New(parties, action)
	defer b.Abort() // when something has failed, nobody stays in the bubble
	var all []*player
	come := func(p *player, impatient bool, wait func() (int, error)) {
		p.want, p.got = waiting, waiting
		all = append(all, p)
		m.arrive(p, impatient)
		go func() {
			got := exited
			defer func() {
				if recover() != nil {
					got = panicked
				}
				p.set(got)
			}()
			index, err := wait()
			switch {
			case err == nil:
				got = index
			case index != -1:
				t.Errorf("index %d with %v", index, err)
			case err == barrier.ErrBroken:
				got = gotBroken
			case err == errWhy:
				got = gotCause
			default:
				t.Errorf("error %v", err)
			}
		}()
	}
	check := func(what string) {
		t.Helper()
		synctest.Wait()
		for i, p := range all {
			p.mu.Lock()
			if p.got != p.want {
				t.Errorf("%s: party %d got %d, want %d", what, i, p.got, p.want)
			}
			p.mu.Unlock()
		}
		if b.Broken() != m.broken || b.Waiting() != len(m.filling.players) || b.Parties() != parties {
			t.Errorf("%s: broken %v, waiting %d, want %v, %d", what, b.Broken(), b.Waiting(), m.broken, len(m.filling.players))
		}
		if t.Failed() {
			t.Fatalf("with %d parties, action %v, after %v", parties, acts, program)
		}
	}
	pass := func(d time.Duration) {
		time.Sleep(d)
		synctest.Wait()
		m.elapse(time.Now(), int(ending.Load()))
	}
	for i, op := range program {
		arg := int(op >> 4)
		// No two deadlines are at the same instant: of two who give up at once
		// either may be the first.
		limit := time.Duration(1+arg)*time.Second/2 + time.Duration(1+i)*time.Microsecond
		switch op % 16 {
		case 0, 11, 12:
			come(new(player), false, b.Wait)
		case 1:
			come(&player{deadline: time.Now().Add(limit)}, false, func() (int, error) { return b.WaitTimeout(limit) })
		case 2:
			ctx, cancel := context.WithTimeoutCause(context.Background(), limit, errWhy)
			defer cancel()
			come(&player{deadline: time.Now().Add(limit), byCtx: true}, false, func() (int, error) { return b.WaitContext(ctx) })
		case 3:
			come(new(player), true, func() (int, error) { return b.WaitTimeout(time.Duration(-arg)) })
		case 4:
			come(&player{byCtx: true}, true, func() (int, error) { return b.WaitContext(ended(errWhy)) })
		case 5:
			b.Abort()
			m.abort()
		case 6, 13:
			b.Reset()
			m.reset()
		case 7:
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			come(&player{byCtx: true, cancel: cancel}, false, func() (int, error) { return b.WaitContext(ctx) })
		case 8:
			pass(time.Duration(1+arg) * time.Second)
		case 9:
			pass(time.Minute)
		case 10:
			ending.Store(int32(arg % endings))
		case 14, 15: // somebody's context ends, perhaps after its Wait
			for k := range all {
				p := all[(arg*5+k)%len(all)]
				if p.cancel == nil {
					continue
				}
				p.cancel(errWhy)
				for _, other := range m.filling.players {
					if other == p {
						m.giveUp(p)
						break
					}
				}
				p.cancel = nil
				break
			}
		}
		check(fmt.Sprint("after operation ", i))
	}
	ending.Store(returns)
	b.Abort()
	m.abort()
	pass(time.Hour)
	check("in the end")
	for i, p := range all {
		if p.want == waiting {
			t.Errorf("party %d still waits in the model", i)
		}
	}
}
