package local

import (
	"container/heap"
	"time"
)

// keys are those that a queue has seen, each for its window. Those whose window is over go when another is learned.
type keys struct {
	until map[string]time.Time
	order byTime
}

// known reports whether an item with this key was put within its window.
func (k *keys) known(key string) bool {
	until, ok := k.until[key]
	return ok && time.Now().Before(until)
}

// learn makes a key known. The empty key, and one without a window, are not.
func (k *keys) learn(key string, window time.Duration) {
	now := time.Now()
	for len(k.order) > 0 && !now.Before(k.order[0].until) {
		seen := heap.Pop(&k.order).(seenKey)
		if k.until[seen.key].Equal(seen.until) {
			delete(k.until, seen.key)
		}
	}
	if key == "" || window <= 0 {
		return
	}
	if k.until == nil {
		k.until = make(map[string]time.Time)
	}
	until := now.Add(window)
	k.until[key] = until
	heap.Push(&k.order, seenKey{key, until})
}

type seenKey struct {
	key   string
	until time.Time
}

// byTime is a heap.
type byTime []seenKey

func (b byTime) Len() int           { return len(b) }
func (b byTime) Less(i, j int) bool { return b[i].until.Before(b[j].until) }
func (b byTime) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }
func (b *byTime) Push(x any)        { *b = append(*b, x.(seenKey)) }

func (b *byTime) Pop() any {
	last := len(*b) - 1
	k := (*b)[last]
	(*b)[last] = seenKey{}
	*b = (*b)[:last]
	return k
}
