package selectors

// Descriptor returns that of the epoll, for a look at what the kernel watches.
func (s *Selector[D]) Descriptor() int {
	s.guard.Lock()
	defer s.guard.Unlock()
	return s.epoll.fd
}
