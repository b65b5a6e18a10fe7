//go:build !threadingdebug

package diagnose_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/rwlock"
)

// build builds a program of testdata.
func build(t *testing.T, name string, flags ...string) (program string) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("programs cannot be built here: ", err)
	}
	program = filepath.Join(t.TempDir(), name)
	args := append([]string{"build", "-race=false", "-o", program}, flags...)
	if out, err := exec.Command("go", append(args, "./testdata/"+name)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// watched returns the symbols of a program that are there to diagnose it.
func watched(t *testing.T, program string) (symbols []string) {
	t.Helper()
	out, err := exec.Command("go", "tool", "nm", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		for _, pkg := range []string{"/internal/watch.", "/internal/traceback.", "/threading/diagnose."} {
			if strings.Contains(line, pkg) && !strings.Contains(line, "type:.") {
				symbols = append(symbols, strings.TrimSpace(line))
			}
		}
	}
	return symbols
}

// A program that does not ask has nothing in it that could answer.
func TestAnOrdinaryBuildHasNoSymbolOfIt(t *testing.T) {
	if found := watched(t, build(t, "all")); len(found) > 0 {
		t.Errorf("%d symbols, such as %s", len(found), found[0])
	}
	if found := watched(t, build(t, "all", "-tags", "threadingdebug")); len(found) == 0 {
		t.Error("none with the tag either: the test looks for the wrong ones")
	}
}

// A build with the tag tells of a deadlock although nobody imports package diagnose.
func TestABuildWithTheTagTellsUnasked(t *testing.T) {
	deadlock := build(t, "deadlock", "-tags", "threadingdebug")
	out, err := exec.Command(deadlock).CombinedOutput()
	if text := string(out); err != nil || !strings.Contains(text, "DEADLOCK, certain: 2 goroutines wait for each other") ||
		!strings.Contains(text, "main.go:24 main.transfer") {
		t.Errorf("%v\n%s", err, out)
	}
	quiet := exec.Command(deadlock)
	quiet.Env = append(os.Environ(), "THREADINGDEBUG=quiet=1")
	if out, err := quiet.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = exec.Command(build(t, "deadlock")).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("without the tag: %v\n%s", err, out)
	}
}

// The runtime finds the same goroutines that nothing can wake with the tag and without: nothing is kept reachable.
func TestTheTagHidesNoLeak(t *testing.T) {
	if pprof.Lookup("goroutineleak") == nil {
		t.Skip("this version of Go has no profile goroutineleak; GOEXPERIMENT=goroutineleakprofile makes Go 1.26 have it")
	}
	run := func(flags ...string) string {
		program := exec.Command(build(t, "hopeless", flags...))
		program.Env = append(os.Environ(), "THREADINGDEBUG=quiet=1")
		out, err := program.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
	ordinary, tagged := run(), run("-tags", "threadingdebug")
	if ordinary != tagged || strings.Count(ordinary, "\n")+1 != 8 {
		t.Errorf("without the tag\n%s\nwith it\n%s", ordinary, tagged)
	}
}

func TestAMarkTakesNoMemory(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("the sizes are those of a machine of 64 bits")
	}
	for name, size := range map[string][2]uintptr{
		"Lock":   {unsafe.Sizeof(lock.Lock{}), 32},
		"RLock":  {unsafe.Sizeof(rlock.RLock{}), 40},
		"RWLock": {unsafe.Sizeof(rwlock.RWLock{}), 64},
	} {
		if size[0] != size[1] {
			t.Errorf("%s has %d bytes, want %d", name, size[0], size[1])
		}
	}
}

// Name does nothing, so what it is given stays on the stack.
func TestANameCostsNothing(t *testing.T) {
	if proof.Race {
		t.Skip("the race detector allocates")
	}
	named := testing.AllocsPerRun(100, func() {
		var l lock.Lock
		diagnose.Name(&l, "local")
		if l.Locked() {
			t.Error("locked")
		}
	})
	unnamed := testing.AllocsPerRun(100, func() { // on 32 bit it escapes anyway
		var l lock.Lock
		if l.Locked() {
			t.Error("locked")
		}
	})
	if named != unnamed {
		t.Errorf("%v allocations, and %v without the name", named, unnamed)
	}
}
