package greenlet_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/greenlet"
	"github.com/gothreading/threading/internal/proof"
)

func TestMain(m *testing.M) {
	if scenario := scenarios[os.Getenv(scenarioVariable)]; scenario != nil {
		scenario()
		os.Exit(0)
	}
	goleak.VerifyTestMain(diagnose.Wrap(m))
}

var errWhy = errors.New("why")

type green = greenlet.Greenlet

// kill ends g, and whoever it is a cleanup for.
func kill(t *testing.T, gs ...*green) {
	t.Cleanup(func() {
		for _, g := range gs {
			if g.Active() {
				_, _ = g.Throw(greenlet.ErrExit)
			}
		}
	})
}

// gets fails the test unless a switch returned that.
func gets(t *testing.T, v any, err error, wantV any, wantErr error) {
	t.Helper()
	if v != wantV || !errors.Is(err, wantErr) || wantErr == nil && err != nil {
		t.Errorf("%v, %v; want %v, %v", v, err, wantV, wantErr)
	}
}

// panicked fails the test unless f panics with an error that is want.
func panicked(t *testing.T, want error, f func()) {
	t.Helper()
	if err, _ := proof.Recovered(f).(error); !errors.Is(err, want) {
		t.Errorf("panicked with %v, want %v", err, want)
	}
}

// A log is what happens, in order.
type log []string

func (l *log) say(what any) { *l = append(*l, fmt.Sprint(what)) }

func (l *log) check(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(*l, " "); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// back switches to the parent of the greenlet that calls it.
func back(v any) (any, error) { return greenlet.Current().Parent().Switch(v) }
