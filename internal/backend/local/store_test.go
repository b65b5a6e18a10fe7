package local

import (
	"context"
	"testing"

	"github.com/gothreading/threading/internal/backend"
)

// A call that has looked up an object before Delete took it out does not go on in it, but makes a new one; and Delete
// does not take out an object that a call is in.
func TestACallMeetsDelete(t *testing.T) {
	ctx := context.Background()
	c := NewStore().NewClient("", "", nil, nil)
	defer c.Close()
	l := c.Lock(backend.Spec{Kind: backend.KindLock, Name: "l"}).(*lockRef)
	_, o, err := l.enter()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(ctx, backend.KindLock, "l"); err == nil {
		t.Error("it was deleted while a call is inside")
	}
	o.common().leave()
	if err := c.Delete(ctx, backend.KindLock, "l"); err != nil {
		t.Error(err)
	}
	for range 3 {
		if o.common().enter() {
			t.Fatal("a call goes on in what is gone")
		}
	}
	_, fresh, err := l.enter()
	if err != nil || fresh == o {
		t.Error("the same again:", err)
	}
	fresh.common().leave()
}
