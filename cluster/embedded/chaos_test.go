//go:build unix

package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/gothreading/threading/cluster/embedded"
	"github.com/gothreading/threading/cluster/internal/etcd"
	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/internal/proof/loopback"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/queue"
)

// The roles that this test binary plays when it is started again, until its stdin is closed.
var roles = map[string]func(args []string){"server": playServer, "actor": playActor, "holder": playHolder}

func TestMain(m *testing.M) {
	process.Init()
	if role := roles[os.Getenv("THREADING_ROLE")]; role != nil {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
		role(strings.Fields(os.Getenv("THREADING_ARGS")))
		return
	}
	// Members of a cluster leave what they say to each other over HTTP to its timeouts.
	ignored := []goleak.Option{}
	for _, f := range []string{"(*conn).serve", "(*connReader).backgroundRead", "(*persistConn).readLoop", "(*persistConn).writeLoop"} {
		ignored = append(ignored, goleak.IgnoreAnyFunction("net/http."+f))
	}
	goleak.VerifyTestMain(proof.Settled(m, ignored...), ignored...)
}

// A player is a process that plays a role.
type player struct {
	cmd   *exec.Cmd
	lines *bufio.Reader
	stdin io.Closer
}

func play(t testing.TB, role string, args ...string) *player {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "THREADING_ROLE="+role, "THREADING_ARGS="+strings.Join(args, " "))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &player{cmd: cmd, lines: bufio.NewReader(out), stdin: in}
	t.Cleanup(p.kill)
	return p
}

func (p *player) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.stdin.Close()
}

// says waits for the next line.
func (p *player) says(t testing.TB) string {
	t.Helper()
	line, err := p.lines.ReadString('\n')
	if err != nil {
		t.Fatal("a process said nothing: ", err)
	}
	return strings.TrimSpace(line)
}

func playServer(args []string) {
	opts := []embedded.Option{embedded.Listen(args[1])}
	if len(args) > 2 {
		opts = append(opts, embedded.Peers(args[2:]...))
	}
	for {
		_, err := embedded.Start(background, args[0], opts...)
		if err == nil {
			break
		}
		if !errors.Is(err, manager.ErrBusy) && !strings.Contains(err.Error(), "address already in use") {
			fmt.Fprintln(os.Stderr, "server:", err)
			os.Exit(1)
		}
		time.Sleep(20 * time.Millisecond) // the one before it is about to go
	}
	fmt.Println("serves")
	select {}
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(loopback.Address(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// playActor works on everything, and tells a referee, on a Unix socket, what it does: each line is answered.
func playActor(args []string) {
	endpoints, socket, name := args[0], args[1], args[2]
	ctx, cancel := context.WithTimeout(background, hang)
	b, err := etcd.Open(ctx, etcd.Config{
		Endpoints: strings.Split(endpoints, ","), Namespace: "chaos", TTL: 2 * time.Second, Label: name, Codec: etcd.JSON{}, Fault: chaos(rand.Uint64()),
	})
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "actor:", err)
		os.Exit(1)
	}
	m := backend.NewManager(b, etcd.JSON{}).(*manager.Manager)
	tell := func() func(format string, args ...any) string {
		c, err := net.Dial("unix", socket)
		if err != nil {
			os.Exit(0)
		}
		r := bufio.NewReader(c)
		return func(format string, args ...any) string {
			if _, err := fmt.Fprintf(c, name+" "+format+"\n", args...); err != nil {
				os.Exit(0)
			}
			line, err := r.ReadString('\n')
			if err != nil {
				os.Exit(0)
			}
			return strings.TrimSpace(line)
		}
	}
	fmt.Println("acts")
	go func() {
		tell, l := tell(), m.Lock("l")
		for {
			began := time.Now()
			l.Lock()
			token, lost := l.Token(), l.Lost()
			tell("in %d %d", token, time.Since(began).Milliseconds())
			pause(2000)
			if isClosed(lost) {
				tell("lost %d", token)
			} else {
				tell("out %d", token)
			}
			l.Unlock()
		}
	}()
	go func() {
		tell := tell()
		q := manager.NewQueue[string](m, "q", 50)
		for i := 0; ; i++ {
			item := fmt.Sprint(name, "-", i)
			tell("puts %s", item)
			switch err := q.Put(item); {
			case err == nil:
				tell("put %s", item)
			case errors.Is(err, manager.ErrUnknown):
			default:
				tell("error put: %v", err)
			}
		}
	}()
	go func() {
		tell := tell()
		q := manager.NewQueue[string](m, "q", 50)
		for {
			c, err := q.Claim()
			if err != nil {
				if !errors.Is(err, queue.ErrEmpty) {
					tell("error claim: %v", err)
				}
				continue
			}
			tell("claims %s", c.Item)
			switch err := c.Ack(background); {
			case err == nil:
				tell("acked %s", c.Item)
			case errors.Is(err, manager.ErrLost), errors.Is(err, manager.ErrUnknown):
				tell("unsure %s", c.Item)
			default:
				tell("error ack: %v", err)
			}
		}
	}()
	go func() {
		s := m.Semaphore("s", 2)
		tell := tell()
		for {
			s.Acquire()
			lost := s.Lost()
			tell("permit")
			pause(1000)
			if isClosed(lost) {
				tell("nopermit")
			} else {
				tell("permitback")
			}
			s.Release()
		}
	}()
	go func() {
		tell, c := tell(), m.Condition("c", nil)
		for {
			c.Lock()
			if rand.IntN(2) == 0 {
				n, err := c.NotifyContext(background, 1)
				switch {
				case err != nil:
					tell("unsure-notified")
				case n > 0:
					tell("notified")
				}
			} else {
				ctx, cancel := context.WithTimeout(background, time.Duration(rand.IntN(50))*time.Millisecond)
				switch err := c.WaitContext(ctx); {
				case err == nil:
					tell("woken")
				case errors.Is(err, manager.ErrLost):
					tell("lost-wait")
				}
				cancel()
			}
			c.Unlock()
			time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
		}
	}()
	go func() {
		tell, b := tell(), m.Barrier("b", 2, nil)
		for {
			ctx, cancel := context.WithTimeout(background, time.Duration(rand.IntN(300))*time.Millisecond)
			switch i, err := b.WaitContext(ctx); {
			case err == nil:
				tell("tripped%d", i)
			case errors.Is(err, manager.ErrLost):
				tell("lost-arrival")
			default:
				_ = b.ResetContext(background)
			}
			cancel()
		}
	}()
	select {}
}

// pause sleeps for some microseconds. If that took long, because this process could not run, it lets the timers run that are
// due: one of them may say that something was lost.
func pause(most int) {
	begin := time.Now()
	time.Sleep(time.Duration(rand.IntN(most)) * time.Microsecond)
	if time.Since(begin) > 500*time.Millisecond {
		time.Sleep(100 * time.Millisecond)
	}
}

// A referee judges what the actors say. Those that are paused, or were killed, count for nothing: each process is known
// by a name of its own.
type referee struct {
	t       *testing.T
	guard   sync.Mutex
	out     map[string]bool // killed, or paused for longer than a session lives
	holder  string
	token   uint64
	locks   int
	longest time.Duration
	permits map[string]bool
	granted int
	put     map[string]bool
	begun   map[string]bool
	acked   map[string]int
	unsure  map[string]bool
	faults  time.Time            // until when a wait may be long
	back    map[string]time.Time // since when one that was paused counts again

	contested map[uint64]string // tokens of holders who were inside when the next came, and who have to find that they lost it
	crowd     map[string]bool   // too many that have permits, of whom one has to find that it lost them; false: it has not
	counts    map[string]int
}

func (r *referee) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			lines := bufio.NewScanner(c)
			for lines.Scan() {
				r.hear(lines.Text())
				if _, err := fmt.Fprintln(c, "ok"); err != nil {
					return
				}
			}
		}()
	}
}

func (r *referee) hear(line string) {
	r.guard.Lock()
	defer r.guard.Unlock()
	words := strings.SplitN(line, " ", 3)
	name, what, rest := words[0], words[1], ""
	if len(words) > 2 {
		rest = words[2]
	}
	switch what {
	case "in":
		var token uint64
		var ms int64
		_, _ = fmt.Sscan(rest, &token, &ms)
		if r.out[name] {
			return
		}
		if token <= r.token {
			r.t.Errorf("token %d after %d", token, r.token)
		}
		if r.holder != "" && !r.out[r.holder] {
			r.contested[r.token] = r.holder
		}
		r.holder, r.token = name, token
		r.locks++
		if wait := time.Duration(ms) * time.Millisecond; time.Now().After(r.faults) && time.Now().Add(-wait).After(r.back[name]) {
			r.longest = max(r.longest, wait)
		}
	case "out", "lost":
		var token uint64
		_, _ = fmt.Sscan(rest, &token)
		if r.contested[token] == name {
			delete(r.contested, token)
			if what == "out" && !r.out[name] {
				r.t.Errorf("%s held the lock with token %d, and another held it, too", name, token)
			}
		}
		if r.holder == name && strings.HasPrefix(rest, fmt.Sprint(r.token)) {
			r.holder = ""
		}
	case "permit":
		if !r.out[name] {
			r.permits[name] = true
			r.granted++
			if len(r.permits) > 2 {
				r.crowd = maps.Clone(r.permits)
			}
		}
	case "permitback", "nopermit":
		delete(r.permits, name)
		if r.crowd[name] {
			delete(r.crowd, name)
			if what == "nopermit" || r.out[name] {
				r.crowd = nil
			} else if len(r.crowd) == 0 {
				r.t.Error("more had a permit than there are, and none of them had lost it")
				r.crowd = nil
			}
		}
	case "puts":
		r.begun[rest] = true
	case "put":
		r.put[rest] = true
	case "claims":
		if !r.begun[rest] {
			r.t.Error("from nowhere:", rest)
		}
	case "acked":
		if r.acked[rest]++; r.acked[rest] > 1 {
			r.t.Error("acknowledged twice:", rest)
		}
	case "unsure":
		r.unsure[rest] = true
	case "notified", "unsure-notified", "woken", "lost-wait", "tripped0", "tripped1", "lost-arrival":
		r.counts[what]++
	case "error":
		if !strings.Contains(rest, "closed") {
			r.t.Error(line)
		}
	}
}

// exclude says that a process counts for nothing from now on.
func (r *referee) exclude(name string, is bool) {
	r.guard.Lock()
	defer r.guard.Unlock()
	if is {
		r.out[name] = true
	} else {
		delete(r.out, name)
		r.back[name] = time.Now()
	}
	if r.holder == name && is {
		r.holder = ""
	}
	delete(r.permits, name)
	if r.crowd[name] {
		r.crowd = nil
	}
}

func (r *referee) disturbed() {
	r.guard.Lock()
	defer r.guard.Unlock()
	r.faults = time.Now().Add(10 * time.Second)
}

// pulse asks the servers something simple, again and again. While the answer takes long, because of what is done to them or
// because the machine or its disk is busy, so may a wait for a lock.
func (r *referee) pulse(endpoints []string) (stop func()) {
	c, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Logger: zap.NewNop()})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(background)
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			slow := time.AfterFunc(300*time.Millisecond, r.disturbed)
			begin := time.Now()
			time.Sleep(20 * time.Millisecond)
			asked, over := context.WithTimeout(ctx, 5*time.Second)
			_, err := c.Put(asked, "pulse", "")
			over()
			slow.Stop()
			if err != nil || time.Since(begin) > 300*time.Millisecond {
				r.disturbed()
			}
		}
	})
	return func() {
		cancel()
		wg.Wait()
		_ = c.Close()
	}
}

// chaosTime is for how long the chaos goes on: THREADING_CHAOS=10m is the long form.
func chaosTime(t *testing.T) time.Duration {
	if s := os.Getenv("THREADING_CHAOS"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if testing.Short() {
		return 5 * time.Second
	}
	return 15 * time.Second
}

// Processes are killed, and paused for longer than their sessions live, and so is the server.
func TestKillsAndPauses(t *testing.T) {
	t.Run("one server", func(t *testing.T) { killsAndPauses(t, 1) })
	t.Run("three servers", func(t *testing.T) { killsAndPauses(t, 3) })
}

func killsAndPauses(t *testing.T, servers int) {
	dir := proof.ShortDir(t)
	var clients, peers []string
	for range servers {
		clients = append(clients, freeAddr(t))
		peers = append(peers, "http://"+freeAddr(t))
	}
	start := func(i int) *player {
		args := []string{filepath.Join(dir, fmt.Sprint("etcd", i)), clients[i]}
		if servers > 1 {
			args = append(append(args, peers[i]), append(append([]string{}, peers[:i]...), peers[i+1:]...)...)
		}
		return play(t, "server", args...)
	}
	serving := make([]*player, servers)
	for i := range serving {
		serving[i] = start(i)
	}
	for _, s := range serving {
		s.says(t)
	}
	socket := filepath.Join(dir, "referee")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := &referee{
		t: t, out: map[string]bool{}, permits: map[string]bool{}, put: map[string]bool{}, contested: map[uint64]string{}, back: map[string]time.Time{}, counts: map[string]int{}, begun: map[string]bool{}, acked: map[string]int{}, unsure: map[string]bool{},
	}
	go r.serve(l)
	addr := "etcd://" + strings.Join(clients, ",") + "/chaos"
	born := 0
	type actor struct {
		*player
		name  string
		links []*link // to each server
	}
	act := func() actor {
		born++
		a := actor{name: fmt.Sprint("actor", born)}
		var through []string
		for _, c := range clients {
			k := linked(t, c)
			a.links, through = append(a.links, k), append(through, k.addr())
		}
		a.player = play(t, "actor", strings.Join(through, ","), socket, a.name)
		return a
	}
	actors := []actor{act(), act(), act()}
	for _, a := range actors {
		a.says(t)
	}
	stopPulse := r.pulse(clients)
	defer stopPulse()
	var kills, pauses, serverKills, serverPauses, holds, resets int
	length := chaosTime(t)
	for begin := time.Now(); time.Since(begin) < length; {
		time.Sleep(time.Duration(200+rand.IntN(600)) * time.Millisecond)
		i := rand.IntN(len(actors))
		n := rand.IntN(14)
		if time.Since(begin)*4/length%2 == 0 { // half of the time nothing happens to servers and links, so that waits are short
			n %= 8
		}
		switch {
		case n < 5:
			_ = actors[i].cmd.Process.Kill()
			_ = actors[i].cmd.Wait()
			r.exclude(actors[i].name, true) // after it: what it said before counts
			for _, k := range actors[i].links {
				k.close()
			}
			actors[i] = act()
			actors[i].says(t)
			kills++
		case n < 8:
			_ = actors[i].cmd.Process.Signal(syscall.SIGSTOP)
			time.Sleep(10 * time.Millisecond) // until it has taken effect
			r.exclude(actors[i].name, true)
			time.Sleep(3500 * time.Millisecond)
			_ = actors[i].cmd.Process.Signal(syscall.SIGCONT)
			// What it says at first may be of before; then it counts again, under another session.
			time.Sleep(500 * time.Millisecond)
			r.exclude(actors[i].name, false)
			pauses++
		case n < 10:
			r.disturbed()
			j := rand.IntN(servers)
			serving[j].kill()
			time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
			serving[j] = start(j)
			serving[j].says(t)
			r.disturbed()
			serverKills++
		case n < 11:
			r.disturbed()
			j := rand.IntN(servers)
			_ = serving[j].cmd.Process.Signal(syscall.SIGSTOP)
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Millisecond)
			_ = serving[j].cmd.Process.Signal(syscall.SIGCONT)
			r.disturbed()
			serverPauses++
		case n < 13:
			r.disturbed()
			k := actors[i].links[rand.IntN(servers)]
			k.hold(true)
			time.Sleep(time.Duration(rand.IntN(6000)) * time.Millisecond)
			k.hold(false)
			r.disturbed()
			holds++
		default:
			r.disturbed()
			actors[i].links[rand.IntN(servers)].reset()
			resets++
		}
	}
	for _, a := range actors {
		r.exclude(a.name, true)
		a.kill()
	}
	// What is left is what was put and not acknowledged.
	m := opened(t, addr, manager.TTL(2*time.Second))
	defer m.Close()
	q := manager.NewQueue[string](m, "q", 50)
	until(func() bool { return q.Unfinished() == q.Len() }) // the claims of the killed come back
	left := map[string]bool{}
	for _, item := range q.Drain() {
		left[item] = true
	}
	r.guard.Lock()
	defer r.guard.Unlock()
	lost := 0
	for item := range r.put {
		// One that was acknowledged by a process which did not live to say so is gone, and so is one that is unsure.
		if r.acked[item] == 0 && !left[item] && !r.unsure[item] {
			lost++
		}
	}
	// Each of these may have ended one session of each kind of work, and so may the end.
	most := kills + pauses + serverKills + serverPauses + holds + resets + len(actors)
	if lost > most {
		t.Errorf("%d items are lost, and at most %d acknowledgements can have been under way when somebody died", lost, most)
	}
	for item := range left {
		if r.acked[item] > 0 {
			t.Error("acknowledged, and left:", item)
		}
	}
	s := m.Semaphore("s", 2)
	for wait := 0; s.Value() != 2; wait++ { // the leases of the last holders run out
		if wait > 15000 {
			t.Fatal(s.Value(), "permits of 2")
		}
		time.Sleep(10 * time.Millisecond)
	}
	lock := m.Lock("l")
	if !lock.LockTimeout(hang) {
		t.Fatal("a lock is held by nobody")
	}
	lock.Unlock()
	c := r.counts
	if more := c["woken"] - c["notified"]; more > most+c["unsure-notified"] || -more > most+c["lost-wait"] {
		t.Error("notifications and waits that they ended:", c)
	}
	if more := c["tripped0"] - c["tripped1"]; max(more, -more) > most+c["lost-arrival"] {
		t.Error("parties of the generations of the barrier:", c)
	}
	if r.longest > 8*time.Second { // of three that died in a row, and held it or were next; an orphan would be there for longer
		t.Error("a wait for the lock of", r.longest)
	}
	t.Logf("%d kills, %d pauses, %d kills and %d pauses of servers, %d links held up, %d reset: %d locks (longest wait without a fault of server or link %v), %d permits, %d items put, %d acknowledged, %d left, %d notifications, %d generations",
		kills, pauses, serverKills, serverPauses, holds, resets, r.locks, r.longest, r.granted, len(r.put), len(r.acked), len(left), c["notified"], c["tripped0"])
}
