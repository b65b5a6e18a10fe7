package local

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/backend"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// Between the grant of the core's lock and the entry in the ledger a lock has no holder, and is locked all the same: an
// Acquire that only tried would be refused.
func TestALockThatIsBeingGrantedIsLocked(t *testing.T) {
	ctx := context.Background()
	c := NewStore().NewClient("", "", nil, nil)
	defer c.Close()
	l := c.Lock(backend.Spec{Kind: backend.KindLock, Name: "l"}).(*lockRef)
	if is, err := l.Locked(ctx); is || err != nil {
		t.Fatal(is, err)
	}
	_, o, err := l.enter()
	if err != nil {
		t.Fatal(err)
	}
	defer o.common().leave()
	o.(*lockObject).core.Lock() // as a call that has not yet come to the ledger
	if is, err := l.Locked(ctx); !is || err != nil {
		t.Error("it looks free:", err)
	}
	if h, err := l.Acquire(backend.Wait{Try: true}, nil); h != nil || err != backend.ErrGaveUp {
		t.Error(h, err)
	}
	if _, token, err := l.Holder(ctx); token != 0 || err != nil {
		t.Error(token, err)
	}
	o.(*lockObject).core.Unlock()
	if h, err := l.Acquire(backend.Wait{Try: true}, nil); h == nil || err != nil {
		t.Error(h, err)
	}
}
