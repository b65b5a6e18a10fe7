package queue

import (
	"sync"

	"github.com/gothreading/threading/internal/park"
)

var pools sync.Map // (*turn[T])(nil) -> *park.Pool[turn[T]]

// waiterPool returns the pool of waiters that queues of T share. It is a look-up: keep the result.
func waiterPool[T any]() *park.Pool[turn[T]] {
	key := any((*turn[T])(nil))
	p, ok := pools.Load(key)
	if !ok {
		p, _ = pools.LoadOrStore(key, new(park.Pool[turn[T]]))
	}
	return p.(*park.Pool[turn[T]])
}
