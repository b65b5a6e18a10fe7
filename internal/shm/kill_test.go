//go:build linux && (amd64 || arm64)

package shm

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
)

// TestKilledAtRandom kills processes at random instants while others use the object, and replaces them.
func TestKilledAtRandom(t *testing.T) {
	for name := range experiments {
		t.Run(name, func(t *testing.T) { killAtRandom(t, newLab(t, name), proof.Rounds(1000, 20, 40)) })
	}
}

// The same where the kernel has no futex_waitv.
func TestKilledAtRandomWithPlainFutexes(t *testing.T) {
	for name := range experiments {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, name)
			l.plain = true
			killAtRandom(t, l, proof.Rounds(100, 5, 10))
		})
	}
}

// The same where nobody announces a death: those who wait look for themselves, within a second.
func TestKilledAndNobodyIsTold(t *testing.T) {
	for name := range experiments {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, name)
			l.silent, l.slices = true, false
			killAtRandom(t, l, proof.Rounds(40, 8, 8))
		})
	}
}

func killAtRandom(t *testing.T, l *lab, rounds int) {
	defer proof.Watch(t)()
	for range 4 {
		l.start("")
	}
	for range rounds / max(l.exp.slow, 1) {
		if !l.getOn(2) {
			break
		}
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
		victims := l.patients()
		if len(victims) == 0 {
			break
		}
		v := victims[rand.IntN(len(victims))]
		_ = v.proc.Kill()
		<-v.gone
		l.check()
		if l.next >= benchSeats-8 {
			break
		}
		l.start("")
	}
	l.getOn(5)
	l.end()
	t.Logf("%d were killed", len(l.killed))
}
