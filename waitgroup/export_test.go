package waitgroup

// Listed returns how many waiters are on the list.
func (w *WaitGroup) Listed() (n int) {
	w.guard.Lock()
	defer w.guard.Unlock()
	for e := w.list.Front(); e != nil; e = w.list.Next(e) {
		n++
	}
	return n
}
