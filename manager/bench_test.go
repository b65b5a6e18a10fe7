package manager_test

import (
	"testing"

	"github.com/gothreading/threading/manager"
)

// The server is this process, so an allocation of either side counts.
func BenchmarkManager(b *testing.B) {
	server := started(b)
	for _, w := range []struct{ name, addr string }{{"mem", "mem:"}, {"unix", server.Addr()}} {
		m := opened(b, w.addr)
		b.Cleanup(func() { _ = m.Close() })
		l, d, q := m.Lock("l"), manager.NewDict[string, int](m, "d"), manager.NewQueue[int](m, "q", 0)
		s, c := m.Semaphore("s", 1), m.Counter("c")
		for name, f := range map[string]func(){
			"Lock":    func() { l.Lock(); l.Unlock() },
			"Acquire": func() { s.Acquire(); s.Release() },
			"Set":     func() { _ = d.Set(background, "k", 1) },
			"Get":     func() { _, _, _ = d.Get(background, "k") },
			"PutGet":  func() { _ = q.Put(1); _, _ = q.Get() },
			"Add":     func() { _, _ = c.Add(background, 1) },
		} {
			b.Run(w.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
			})
		}
	}
}
