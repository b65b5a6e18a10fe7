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
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			l := newLab(t, name)
			for range 4 {
				l.start("")
			}
			for range proof.Rounds(60, 4, 4) {
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
				if l.next < benchSeats {
					l.start("")
				}
			}
			l.getOn(5)
			l.end()
			t.Logf("%d were killed", len(l.killed))
		})
	}
}
