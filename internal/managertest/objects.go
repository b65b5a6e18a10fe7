package managertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/thread"
)

func init() {
	add(ObjectCalls, ObjectOneCallAtATime, ObjectFailsAndIsAsItWas, ObjectErrorsKeepTheirIdentity, ObjectPanics, ObjectContext,
		ObjectDropsWhatItsCodecDrops, ObjectRegistersOnce, ObjectOfAnotherType, ObjectKeepsWhatHasAnIdentity)
}

// An Account is a type that any codec keeps.
type Account struct {
	Balance int
	Log     []string
	By      map[string]int
	Next    *Account
}

func (a *Account) deposit(_ context.Context, n int) (int, error) {
	a.Balance += n
	return a.Balance, nil
}

func (a *Account) read(context.Context, struct{}) (Account, error) { return *a, nil }

// spoil changes everything and fails as it is told.
func (a *Account) spoil(_ context.Context, how string) (int, error) {
	a.Balance = -1
	a.Log = append(a.Log[:0], "spoilt", "spoilt")
	a.By["spoilt"] = 1
	delete(a.By, "x")
	a.Next.Balance = -1
	switch how {
	case "panic":
		panic(errWhy)
	case "panic text":
		panic("text")
	case "wrapped":
		return 1, fmt.Errorf("spoilt: %w", context.DeadlineExceeded)
	case "queue":
		return 1, fmt.Errorf("spoilt: %w", queue.ErrEmpty)
	case "manager":
		return 1, manager.ErrConflict
	case "own":
		return 1, &ownError{7}
	}
	return 1, errors.New(how)
}

type ownError struct{ n int }

func (e *ownError) Error() string { return fmt.Sprint("own ", e.n) }

// wait says that it is there, in a way that bubbles do not mind, and waits for its context.
func (a *Account) wait(ctx context.Context, _ struct{}) (string, error) {
	entered.Add(1)
	<-ctx.Done()
	return "", context.Cause(ctx)
}

var entered atomic.Int32

var inside atomic.Int32

func (a *Account) alone(context.Context, struct{}) (bool, error) {
	defer inside.Add(-1)
	is := inside.Add(1) == 1
	a.Balance++
	return is, nil
}

var (
	accounts = manager.Register("managertest.account", func() *Account {
		return &Account{Balance: 100, Log: []string{"made"}, By: map[string]int{"x": 1}, Next: &Account{Balance: 1}}
	})
	deposit = manager.Define(accounts, "deposit", (*Account).deposit)
	read    = manager.Define(accounts, "read", (*Account).read)
	spoil   = manager.Define(accounts, "spoil", (*Account).spoil)
	wait    = manager.Define(accounts, "wait", (*Account).wait)
	alone   = manager.Define(accounts, "alone", (*Account).alone)
)

// A Safe has what JSON drops.
type Safe struct {
	Name  string
	inner []int
	lock  sync.Mutex
	file  *identity
}

// An identity is no data: it has a lock.
type identity struct {
	lock sync.Mutex
	n    int
}

var (
	safes = manager.Register("managertest.safe", func() *Safe { return &Safe{file: new(identity)} })
	push  = manager.Define(safes, "push", func(s *Safe, _ context.Context, n int) (int, error) {
		s.lock.Lock()
		defer s.lock.Unlock()
		s.inner = append(s.inner, n)
		s.file.lock.Lock()
		defer s.file.lock.Unlock()
		s.file.n++
		if n < 0 {
			s.Name = "spoilt"
			s.inner[0] = -1
			return 0, errWhy
		}
		return len(s.inner) + s.inner[0], nil
	})
	count = manager.Define(safes, "count", func(s *Safe, _ context.Context, _ struct{}) (int, error) { return s.file.n, nil })
)

func ObjectCalls(s *S) {
	a, b := s.Two()
	mine := accounts.Open(a, s.Name("mine"))
	Equal(s, mine.Name(), s.Name("mine"))
	Equal(s, Got[int](s)(deposit.Call(background, mine, 5)), 105)
	Equal(s, Got[int](s)(deposit.Call(background, accounts.Open(b, s.Name("mine")), 3)), 108)
	Equal(s, Got[int](s)(deposit.Call(background, accounts.Open(b, s.Name("other")), 1)), 101)
	got := Got[Account](s)(read.Call(background, mine, struct{}{}))
	s.True("all of it", got.Balance == 108 && got.Log[0] == "made" && got.By["x"] == 1 && got.Next.Balance == 1)
	s.Dies(a)
	Equal(s, Got[int](s)(deposit.Call(background, accounts.Open(b, s.Name("mine")), 0)), 108)
	_, err := deposit.Call(Ended(), accounts.Open(b, s.Name("mine")), 1)
	s.Is(err, errWhy)
	fresh := accounts.Open(b, "")
	s.True("a name", fresh.Name() != "")
}

// Where the value is kept no call runs beside another. Elsewhere calls run in their callers, and again when others were
// faster: then it is as if they had run one after the other.
func ObjectOneCallAtATime(s *S) {
	s.updatesAddUp(func(m *manager.Manager) error {
		is, err := alone.Call(background, accounts.Open(m, s.Name("o")), struct{}{})
		if err == nil && s.Kept && !is {
			err = errWhy
		}
		return err
	})
	Equal(s, Got[int](s)(deposit.Call(background, accounts.Open(s.Manager(), s.Name("o")), 0)), 100+addedUp)
}

func ObjectFailsAndIsAsItWas(s *S) {
	o := accounts.Open(s.Manager(), s.Name("o"))
	for _, how := range []string{"panic", "wrapped", "own", "why"} {
		if _, err := spoil.Call(background, o, how); err == nil {
			s.Error("no error")
		}
		got := Got[Account](s)(read.Call(background, o, struct{}{}))
		want := Account{Balance: 100, Log: []string{"made"}, By: map[string]int{"x": 1}, Next: &Account{Balance: 1}}
		if got.Next == nil || got.Next.Balance != 1 {
			s.Error("next was left spoilt")
		}
		got.Next, want.Next = nil, nil
		Equal(s, got, want)
	}
}

func ObjectErrorsKeepTheirIdentity(s *S) {
	o := accounts.Open(s.Manager(), s.Name("o"))
	for how, want := range map[string]error{"wrapped": context.DeadlineExceeded, "queue": queue.ErrEmpty, "manager": manager.ErrConflict} {
		_, err := spoil.Call(background, o, how)
		s.Is(err, want)
		var remote *manager.RemoteError
		s.True("remote", errors.As(err, &remote) && remote.Stack == nil)
	}
	_, err := spoil.Call(background, o, "own")
	var remote *manager.RemoteError
	s.True("its type and text", errors.As(err, &remote) && remote.Type == "*managertest.ownError" && remote.Text == "own 7" && err.Error() == "own 7")
	s.True("and no more", !errors.As(err, new(*ownError)) && !errors.Is(err, context.DeadlineExceeded))
}

func ObjectPanics(s *S) {
	o := accounts.Open(s.Manager(), s.Name("o"))
	for how, text := range map[string]string{"panic": "why", "panic text": "text"} {
		_, err := spoil.Call(background, o, how)
		var (
			remote *manager.RemoteError
			p      *thread.PanicError
		)
		s.True("a remote error", errors.As(err, &remote) && remote.Text == text && strings.Contains(string(remote.Stack), "spoil"))
		s.True("of a panic", errors.As(err, &p) && p.Value == text && string(p.Stack) == string(remote.Stack))
	}
	Equal(s, Got[int](s)(deposit.Call(background, o, 0)), 100)
}

func ObjectContext(s *S) {
	o := accounts.Open(s.Manager(), s.Name("o"))
	ctx, cancel := context.WithCancelCause(background)
	before := entered.Load()
	called := s.Go(func() {
		_, err := wait.Call(ctx, o, struct{}{})
		s.True("its context ended", err != nil)
	})
	s.Until(func() bool { return entered.Load() > before })
	cancel(errWhy)
	<-called
	Equal(s, Got[int](s)(deposit.Call(background, o, 1)), 101) // whose turn it is
}

func ObjectDropsWhatItsCodecDrops(s *S) {
	o := safes.Open(s.Manager(), s.Name("o"))
	n, err := push.Call(background, o, 5)
	if !s.Kept {
		s.Is(err, errors.ErrUnsupported)
		s.True("names the field", err != nil && strings.Contains(err.Error(), "inner"))
		return
	}
	s.True("kept as it is", n == 6 && err == nil)
}

// A failed call puts back unexported fields too, but leaves alone what has an identity.
func ObjectKeepsWhatHasAnIdentity(s *S) {
	if !s.Kept {
		return
	}
	o := safes.Open(s.Manager(), s.Name("o"))
	Equal(s, Got[int](s)(push.Call(background, o, 5)), 6)
	_, err := push.Call(background, o, -1)
	s.True("why", err != nil && err.Error() == "why")
	Equal(s, Got[int](s)(push.Call(background, o, 1)), 7)
	Equal(s, Got[int](s)(count.Call(background, o, struct{}{})), 3)
}

func ObjectRegistersOnce(s *S) {
	s.Panics(manager.ErrDuplicate, func() { manager.Register("managertest.account", func() *int { return new(int) }) })
	s.Panics(manager.ErrDuplicate, func() { manager.Define(accounts, "deposit", (*Account).deposit) })
}

func ObjectOfAnotherType(s *S) {
	a := s.Manager()
	Got[int](s)(deposit.Call(background, accounts.Open(a, s.Name("o")), 1))
	_, err := count.Call(background, safes.Open(a, s.Name("o")), struct{}{})
	s.Is(err, manager.ErrMismatch)
	s.True("both", err != nil && strings.Contains(err.Error(), "managertest.account") && strings.Contains(err.Error(), "managertest.safe"))
}
