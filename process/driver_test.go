//go:build linux

package process

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"
)

// The worker that has sent a task may still hold the wire when the task is cancelled, however busy the child is with it.
func TestACancelIsSentThoughTheWireIsInUse(t *testing.T) {
	if err := Supported(); err != nil {
		t.Skip(err)
	}
	mine, childs, err := wires()
	if err != nil {
		t.Fatal(err)
	}
	defer mine.close()
	defer childs.close()
	d := &driver{wire: mine, child: new(Process[struct{}]), waiting: 7}
	d.child.c.choices.grace = time.Hour
	mine.out.lock.Lock()
	told := make(chan struct{})
	go func() {
		defer close(told)
		d.cancel(7, errors.New("enough"))
	}()
	for doomed := false; !doomed; {
		d.guard.Lock()
		doomed = d.cause != nil
		d.guard.Unlock()
		time.Sleep(time.Millisecond)
	}
	mine.out.lock.Unlock()
	<-told
	frame, _, err := childs.recv(limit{try: true})
	if err != nil || len(frame) < 2 || frame[0] != frameCancel {
		t.Fatalf("the child is sent %v, %v, want %d", frame, err, frameCancel)
	}
	if seq, _ := binary.Uvarint(frame[1:]); seq != 7 {
		t.Errorf("task %d is cancelled, want 7", seq)
	}
	d.unfollow(func() bool { return true })
	if d.waiting != 0 || d.grace != nil {
		t.Errorf("the child is to be killed for task %d", d.waiting)
	}
	d.cancel(7, errors.New("too late"))
	if _, _, err := childs.recv(limit{try: true}); err != errLimit {
		t.Errorf("a task that has ended is cancelled: %v", err)
	}
}
