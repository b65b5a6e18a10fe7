package traceback_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/internal/traceback"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Dumps of each supported version of Go, and of the ways to build that change them.
func TestARecordedDumpIsRead(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]bool{}
			for _, g := range traceback.Parse(text) {
				if g.ID == 0 || g.State == "" || len(g.Frames) == 0 {
					t.Errorf("goroutine %d: %+v", g.ID, g)
				}
				w, ok := g.Wait()
				if !ok {
					continue
				}
				if w.Guard == 0 || len(w.Users) == 0 {
					t.Errorf("goroutine %d: %+v", g.ID, w)
				}
				got[w.Type+" "+w.Form] = true
			}
			want := map[string]bool{
				"lock.Lock Lock": true, "lock.Lock LockTimeout": true, "lock.Lock LockContext": true,
				"rlock.RLock Lock": true, "rlock.RLock LockTimeout": true, "rwlock.RWLock Lock": true, "rwlock.RWLock RLock": true,
				"semaphore.Semaphore Acquire": true, "semaphore.Semaphore AcquireNTimeout": true, "semaphore.BoundedSemaphore Acquire": true,
				"event.Event Wait": true, "event.Event WaitTimeout": true,
				"condition.Condition Wait": true, "condition.Condition WaitForTimeout": true, "barrier.Barrier Wait": true,
				"waitgroup.WaitGroup Wait": true, "queue.Queue Get": true, "queue.Queue Put": true, "queue.Queue Join": true,
				"queue.Queue GetContext": true, "thread.Thread Join": true, "timer.Timer Join": true, "sched.Scheduler Run": true,
				"pool.Result Get": true, "pool.Result Map": true, "pool.Wait Wait": true, "lock.Map Lock": true, "lock.Map LockTimeout": true,
				"thread.SleepContext SleepContext": true,
			}
			for call := range want {
				if !got[call] {
					t.Errorf("nobody waits in %s", call)
				}
			}
			for call := range got {
				if !want[call] {
					t.Errorf("somebody waits in %s", call)
				}
			}
		})
	}
}

func TestEachPartOfAHeaderIsRead(t *testing.T) {
	for header, want := range map[string]traceback.Goroutine{
		"goroutine 8 [select]:":                              {ID: 8, State: "select"},
		"goroutine 8 [select, 5 minutes, locked to thread]:": {ID: 8, State: "select", Blocked: 5 * time.Minute},
		"goroutine 8 [sync.Cond.Wait (durable), 61 minutes, synctest bubble 1]:": {
			ID: 8, State: "sync.Cond.Wait", Blocked: 61 * time.Minute, Bubble: true},
		"goroutine 8 [chan receive (leaked)]:":                                 {ID: 8, State: "chan receive", Leaked: true},
		"goroutine 8 [chan send (nil chan)]:":                                  {ID: 8, State: "chan send (nil chan)"},
		"goroutine 8 [chan send (nil chan) (leaked)]:":                         {ID: 8, State: "chan send (nil chan)", Leaked: true},
		`goroutine 8 [running labels:{"a": "b", "thread": "the \"best\" ]"}]:`: {ID: 8, State: "running", Thread: `the "best" ]`},
		"goroutine 8 gp=0xc000002380 m=0 mp=0x5a8e40 [running]:":               {ID: 8, State: "running"},
		"goroutine": {},
	} {
		got := traceback.Parse([]byte(header + "\n"))
		if want.ID == 0 {
			if len(got) != 0 {
				t.Errorf("%s: %+v", header, got)
			}
			continue
		}
		if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("%s: %+v, want %+v", header, got, want)
		}
	}
}

func TestWhatIsOursIsTold(t *testing.T) {
	const m = traceback.Module
	for _, c := range []struct {
		function, file string
		want           bool
	}{
		{m + "/lock.(*Lock).Lock", "lock/lock.go", true},
		{m + "/queue.(*Queue[...]).Get", "queue/get.go", true},
		{m + ".NewLock", "threading.go", true},
		{m + "/internal/park.(*Waiter[...]).Sleep", "internal/park/waiter.go", true},
		{m + "/cluster.(*Lock).Lock", "cluster/lock.go", true},
		{m + "/lock.TestLock", "lock/lock_test.go", false},
		{m + "/lock_test.TestLock", "x.go", false},
		{m + "_test.TestMain", "x.go", false},
		{m + "/examples/bank.main", "examples/bank/main.go", false},
		{m + "/benchmarks/cases.run", "x.go", false},
		{m + "/cluster/benchmarks.run", "x.go", false},
		{m + "er/lock.Lock", "x.go", false},
		{"main.main", "main.go", false},
	} {
		if got := traceback.Ours(c.function, c.file); got != c.want {
			t.Errorf("%s: %v", c.function, got)
		}
	}
}

// Whatever the text is, it is read without a panic.
func FuzzADumpIsRead(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("goroutine 1 [a (b]:\nx.y(\n\t:\ncreated by \n\t"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, g := range traceback.Parse(text) {
			g.Wait()
			g.Users()
		}
	})
}

func TestAllReturnsEverybody(t *testing.T) {
	stop := make(chan bool)
	for range 1000 {
		go func() { <-stop }()
	}
	all, pause := traceback.All()
	close(stop)
	if len(all) < 1001 || pause <= 0 {
		t.Error(len(all), pause)
	}
}
