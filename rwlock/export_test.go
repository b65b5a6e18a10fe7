package rwlock

import "github.com/gothreading/threading/internal/park"

// Waiting returns how many readers and writers are listed.
func (l *RWLock) Waiting() (readers, writers int) {
	count := func(list *park.List[turn]) (n int) {
		for w := list.Front(); w != nil; w = list.Next(w) {
			n++
		}
		return n
	}
	l.guard.Lock()
	defer l.guard.Unlock()
	return count(&l.readers), count(&l.writers)
}
