package local

import (
	"slices"
	"time"

	"github.com/gothreading/threading/internal/backend"
)

// claim enters an item that was taken for s.
func (o *queueObject) claim(s *session, i *item) (backend.Claim, error) {
	h := &holding{of: o, item: i}
	o.store.guard.Lock()
	entered := s.enter(h)
	if entered {
		i.attempt++
		o.out[h] = struct{}{}
	}
	attempt, ended := i.attempt, s.ended // from here on, the end of the session may give it to others
	o.store.guard.Unlock()
	if !entered {
		o.giveBack(i)
		return backend.Claim{}, ended
	}
	return backend.Claim{Payload: i.Payload, Attempt: attempt, Holding: h}, nil
}

// giveBack puts an item that was taken back to the head.
func (o *queueObject) giveBack(i *item) {
	o.guard.Lock()
	finished := 0
	switch {
	case o.now:
		finished = 1
	case i.attempt >= o.most:
		o.bury(i)
		finished = 1
	default:
		o.returned.PushFront(i)
		o.inside++
	}
	o.unlock(finished)
}

// bury puts an item to the dead, under the guard.
func (o *queueObject) bury(i *item) {
	i.dead = o.store.next()
	o.dead = append(o.dead, i)
}

func (o *queueObject) free(h *holding) {
	o.store.guard.Lock()
	delete(o.out, h)
	o.store.guard.Unlock()
	o.giveBack(h.item)
}

// settle ends a claim of h.
func (o *queueObject) settle(h *holding, how backend.Settlement, after time.Duration) error {
	o.store.guard.Lock()
	left := h.leave()
	delete(o.out, h)
	o.store.guard.Unlock()
	if !left {
		return backend.ErrLost
	}
	o.settleItem(h.item, how, after)
	return nil
}

func (o *queueObject) settleItem(i *item, how backend.Settlement, after time.Duration) {
	switch how {
	case backend.Nack:
		if after > 0 && i.attempt < o.deliveries() {
			o.holdBack(i, after)
		} else {
			o.giveBack(i)
		}
		return
	case backend.Bury:
		o.guard.Lock()
		o.bury(i)
	default:
		o.guard.Lock()
	}
	o.unlock(1)
}

func (o *queueObject) deliveries() int {
	o.guard.Lock()
	defer o.guard.Unlock()
	return o.most
}

// holdBack gives an item back when so much time has passed.
func (o *queueObject) holdBack(i *item, after time.Duration) {
	o.guard.Lock()
	if o.now {
		o.unlock(1)
		return
	}
	o.heldBack[i] = struct{}{}
	o.guard.Unlock()
	time.AfterFunc(after, func() {
		o.guard.Lock()
		_, waits := o.heldBack[i]
		delete(o.heldBack, i)
		o.guard.Unlock()
		if waits {
			o.giveBack(i)
		}
	})
}

// settleDead drops or revives a dead item.
func (o *queueObject) settleDead(token uint64, how backend.Settlement, after time.Duration) error {
	o.guard.Lock()
	at := slices.IndexFunc(o.dead, func(i *item) bool { return i.dead == token })
	if at < 0 {
		o.guard.Unlock()
		return backend.ErrLost
	}
	i := o.dead[at]
	if how == backend.Bury {
		o.guard.Unlock()
		return nil
	}
	o.dead = slices.Delete(o.dead, at, at+1)
	if how == backend.Nack {
		i.attempt, i.dead = 0, 0
		o.unfinished++
	}
	o.guard.Unlock()
	if how == backend.Nack {
		o.settleItem(i, backend.Nack, after)
	}
	return nil
}
