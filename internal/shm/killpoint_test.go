//go:build threadingkill && linux && (amd64 || arm64)

package shm

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
)

// Where processes can be killed on purpose, as the source has it: so none can be forgotten.
func allPoints(t *testing.T) (points []string) {
	files, err := filepath.Glob("*.go")
	must(err)
	call := regexp.MustCompile(`\bpoint\("([^"]+)"\)`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		must(err)
		for _, m := range call.FindAllStringSubmatch(string(source), -1) {
			points = append(points, m[1])
		}
	}
	slices.Sort(points)
	if again := slices.Compact(slices.Clone(points)); len(again) != len(points) && !slices.Contains(points, "sleep: awake") {
		t.Errorf("points share a name: %q", points)
	}
	return slices.Compact(points)
}

// The experiments in which a point may be met, by the word before its colon.
var meets = map[string][]string{
	"owner":     {"mutex", "rmutex", "queue of 2", "condition"},
	"sleep":     {"mutex", "condition", "barrier", "queue"},
	"semaphore": {"semaphore", "signals"},
	"guarded":   {"bounded", "barrier", "queue of 2", "condition"},
	"side":      {"bounded", "queue of 2"},
	"bounded":   {"bounded"},
	"event":     {"event"},
	"condition": {"condition"},
	"barrier":   {"barrier", "crowded barrier"},
	"queue":     {"queue"},
	"ring":      {"queue", "large items", "backlog"},
	"value":     {"value"},
	"array":     {"array"},
	"slabs":     {"slabs"},
}

// TestKilledAtEachPoint kills a process at each point, while others use the object and are killed at random: so points
// are met that only somebody comes to who sees to what the dead have left.
func TestKilledAtEachPoint(t *testing.T) {
	var met = map[string]int{}
	points := allPoints(t)
	for _, p := range points {
		met[p] = 0
		if prefix, _, _ := strings.Cut(p, ":"); meets[prefix] == nil {
			t.Errorf("nothing meets %q", p)
		}
	}
	for name := range experiments {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			l := newLab(t, name)
			for range 3 {
				l.start("")
			}
			for range proof.Rounds(2, 1, 1) {
				for _, p := range points {
					prefix, _, _ := strings.Cut(p, ":")
					if !slices.Contains(meets[prefix], name) {
						continue
					}
					if l.killAt(p) {
						met[p]++
					}
					if !l.getOn(2) {
						t.Logf("after a kill at %q", p)
						break
					}
					if l.next > benchSeats-64 {
						l.end()
						l = newLab(t, name)
						for range 3 {
							l.start("")
						}
					}
				}
			}
			l.end()
			t.Logf("%d were killed", len(l.killed))
		})
	}
	// Some points are met by the first who uses an object.
	for _, p := range points {
		prefix, _, _ := strings.Cut(p, ":")
		for _, name := range meets[prefix] {
			if met[p] == 0 {
				t.Run(name+", first", func(t *testing.T) { met[p] += killedFirst(t, name, p, 300*time.Millisecond) })
			}
		}
	}
	// Others only by chance.
	for _, p := range points {
		prefix, _, _ := strings.Cut(p, ":")
		for i := 0; met[p] == 0 && i < 10*len(meets[prefix]); i++ {
			name := meets[prefix][i%len(meets[prefix])]
			t.Run(name+", again", func(t *testing.T) {
				defer proof.Watch(t)()
				l := newLab(t, name)
				for range 3 {
					l.start("")
				}
				if l.killAt(p) {
					met[p]++
				}
				l.getOn(2)
				l.end()
			})
		}
	}
	// Before it is said that nobody comes to a point there is all the time that a busy machine may need.
	var never []string
	for _, p := range points {
		prefix, _, _ := strings.Cut(p, ":")
		for _, name := range meets[prefix] {
			for _, patience := range []time.Duration{time.Second, 10 * time.Second} {
				if asked := flag.Lookup("test.run").Value.String(); met[p] == 0 && !strings.Contains(asked, "/") {
					t.Run(name+", at last", func(t *testing.T) { met[p] += killedFirst(t, name, p, patience) })
				}
			}
		}
		if met[p] == 0 {
			never = append(never, p)
		}
	}
	// Only if all of it was asked for.
	if asked := flag.Lookup("test.run").Value.String(); len(never) > 0 && !strings.Contains(asked, "/") {
		t.Errorf("nobody came to these points: %q", never)
	}
}

// killAt starts a process that is killed at a point, and meanwhile kills others at random, and reports whether it came to
// it.
func (l *lab) killAt(point string) bool {
	v := l.start(fmt.Sprintf("%s:%d", point, 1+rand.IntN(1+rand.IntN(6))))
	waits := l.patience(v, 500*time.Millisecond)
	for {
		select {
		case <-v.gone:
			l.check()
			return true
		case <-waits:
			_ = v.proc.Kill()
			<-v.gone
			return false
		case <-time.After(time.Duration(2+rand.IntN(12)) * time.Millisecond):
			others := l.patients()
			o := others[rand.IntN(len(others))]
			if o != v && l.next < benchSeats-64 {
				_ = o.proc.Kill()
				<-o.gone
				l.check()
				l.start("")
			}
		}
	}
}

// patience ends when a process has had time to come to a point, and has got on by some steps in it: on a busy machine it
// may not even have begun by then. One that does not get on, because it waits for others, is waited for no longer than
// some of these times.
func (l *lab) patience(v *patient, d time.Duration) <-chan struct{} {
	over := make(chan struct{})
	go func() {
		defer close(over)
		for range 20 {
			select {
			case <-v.gone:
				return
			case <-time.After(d):
			}
			if l.seats[v.seat].progress.Load() >= 20/uint64(max(l.exp.slow, 1)) {
				return
			}
		}
	}()
	return over
}

// killedFirst has the first process that uses an object killed at a point, and then lets others use it.
func killedFirst(t *testing.T, name, point string, patience time.Duration) (met int) {
	defer proof.Watch(t)()
	l := newLab(t, name)
	v := l.start(point + ":1")
	select {
	case <-v.gone:
		l.check()
		met = 1
	case <-l.patience(v, 300*time.Millisecond):
	}
	for range 3 {
		l.start("")
	}
	l.getOn(2)
	l.end()
	return met
}
