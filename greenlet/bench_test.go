package greenlet_test

import (
	"testing"

	"github.com/gothreading/threading/greenlet"
)

// Two greenlets that take turns.
func BenchmarkSwitch(b *testing.B) {
	main := greenlet.Current()
	other := greenlet.New(func(v any) (any, error) {
		for {
			if _, err := main.Switch(v); err != nil {
				return nil, err
			}
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		_, _ = other.Switch(nil)
	}
	_, _ = other.Throw(greenlet.ErrExit)
}

// Many that pass control around, each to the next.
func BenchmarkRing(b *testing.B) {
	const n = 10
	var ring [n]*greenlet.Greenlet
	left := 0
	for i := range ring {
		ring[i] = greenlet.New(func(any) (any, error) {
			for left > 0 {
				left--
				if _, err := ring[(i+1)%n].Switch(nil); err != nil {
					return nil, err
				}
			}
			return nil, nil
		})
	}
	b.ReportAllocs()
	left = b.N
	b.ResetTimer()
	_, _ = ring[0].Switch(nil)
	b.StopTimer()
	for _, g := range ring {
		_, _ = g.Throw(greenlet.ErrExit)
	}
}

func BenchmarkCreateSwitchEnd(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = greenlet.New(func(v any) (any, error) { return v, nil }).Switch(nil)
	}
}

func BenchmarkCurrent(b *testing.B) {
	keep := greenlet.Current()
	for b.Loop() {
		if greenlet.Current() != keep {
			b.Fatal("another")
		}
	}
}
