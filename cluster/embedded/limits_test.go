package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/gothreading/threading/cluster"
	"github.com/gothreading/threading/manager"
)

// servedBy starts an etcd that set has configured, and returns its address as served does.
func servedBy(t testing.TB, set func(*embed.Config)) string {
	t.Helper()
	c := embed.NewConfig()
	c.Dir = t.TempDir()
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	at := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	c.ListenClientUrls, c.AdvertiseClientUrls, c.ListenPeerUrls, c.AdvertisePeerUrls = at, at, at, at
	c.InitialCluster = c.Name + "=" + at[0].String()
	c.TickMs, c.ElectionMs = 10, 100
	set(c)
	s, err := embed.StartEtcd(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	<-s.Server.ReadyNotify()
	return "etcd://" + s.Clients[0].Addr().String() + "/"
}

// fill puts ballast until there is no room.
func fill(t testing.TB, admin *clientv3.Client) {
	t.Helper()
	large := strings.Repeat("x", 500<<10)
	for i := 0; ; i++ {
		switch _, err := admin.Put(background, fmt.Sprint("ballast", i), large); {
		case errors.Is(err, rpctypes.ErrNoSpace):
			return
		case err != nil:
			t.Fatal(err)
		}
	}
}

// makeRoom does what the documents of etcd say of one that is full.
func makeRoom(t testing.TB, admin *clientv3.Client, addr string) {
	t.Helper()
	r, err := admin.Delete(background, "ballast", clientv3.WithPrefix())
	if err == nil {
		_, err = admin.Compact(background, r.Header.Revision, clientv3.WithCompactPhysical())
	}
	if err == nil {
		_, err = admin.Defragment(background, hostOf(addr))
	}
	if err == nil {
		_, err = admin.AlarmDisarm(background, &clientv3.AlarmMember{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// An etcd that is full refuses what takes room, and says so. Nothing is lost, and what was refused can be done again.
func TestQuota(t *testing.T) {
	addr := servedBy(t, func(c *embed.Config) { c.QuotaBackendBytes = 6 << 20 })
	admin := administrator(t, addr, "", "")
	ctx := within(t, hang)
	a, b := opened(t, addr+"app"), opened(t, addr+"app")
	defer a.Close()
	defer b.Close()
	l, s, d := a.Lock("l"), a.Semaphore("s", 2), manager.NewDict[string, string](a, "d")
	q, far := manager.NewQueue[string](a, "q", 0), manager.NewQueue[string](b, "q", 0)
	jobs := manager.NewQueue[int](a, "jobs", 0, manager.Joinable())
	l.Lock()
	s.Acquire()
	for i := range 3 {
		if err := jobs.Put(i); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := jobs.Get(); v != 0 || err != nil {
		t.Fatal(v, err)
	}
	claim, err := jobs.Claim()
	if err != nil {
		t.Fatal(err)
	}

	const put = 3
	large := strings.Repeat("x", 100<<10)
	if err := d.Set(ctx, "k", "before"); err != nil {
		t.Fatal(err)
	}
	for i := range put {
		if err := q.PutContext(ctx, fmt.Sprint(i, large)); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, admin)
	refusedAs(t, q.PutContext(ctx, large), nil, manager.ErrQuota)
	refusedAs(t, d.Set(ctx, "k", "after"), []string{"quota", "compact"}, manager.ErrQuota)
	refusedAs(t, b.Lock("other").LockContext(ctx), nil, manager.ErrQuota)
	_, err = far.ClaimContext(ctx)
	refusedAs(t, err, nil, manager.ErrQuota)
	refusedAs(t, claim.Ack(ctx), nil, manager.ErrQuota)
	refusedAs(t, jobs.TaskDoneContext(ctx), nil, manager.ErrQuota)
	refusedAs(t, s.ReleaseContext(ctx), nil, manager.ErrQuota)
	for _, d := range []time.Duration{time.Second, 10 * time.Second, hang} { // it asks until then; the first may be too short
		if _, err = cluster.Open(within(t, d), cluster.Config{Endpoints: []string{hostOf(addr)}}); errors.Is(err, manager.ErrQuota) {
			break
		}
	}
	refusedAs(t, err, []string{"compact"}, manager.ErrQuota)

	// What is there is read, and a lock is let go.
	if v, _, err := d.Get(ctx, "k"); v != "before" || err != nil {
		t.Error(v, err)
	}
	if n := far.Len(); n != put {
		t.Error(n, "items of", put)
	}
	if err := l.UnlockContext(ctx); err != nil {
		t.Error(err)
	}
	if b.Lock("l").Locked() {
		t.Error("unlocked, and still held")
	}

	// Forms without an error wait.
	waits := make(chan struct{})
	go func() {
		b.Lock("l").Lock()
		close(waits)
	}()
	makeRoom(t, admin, addr)
	<-waits
	for i := range put {
		v, err := far.GetContext(ctx)
		if err != nil || v != fmt.Sprint(i, large) {
			t.Errorf("item %d: %.10q %v", i, v, err)
		}
	}
	if n := far.Len(); n != 0 {
		t.Error(n, "items are there which were refused")
	}
	// They are this process's still.
	if err := claim.Ack(ctx); err != nil {
		t.Error("the claim:", err)
	}
	if err := jobs.TaskDoneContext(ctx); err != nil {
		t.Error("the task:", err)
	}
	if err := s.ReleaseContext(ctx); err != nil {
		t.Error("the permit:", err)
	}
	if n, free := jobs.Unfinished(), s.Value(); n != 1 || free != 2 {
		t.Error(n, "unfinished,", free, "permits")
	}
	if err := d.Set(ctx, "k", "after"); err != nil {
		t.Error(err)
	}
}

// A link is down while things change, and etcd forgets that they have: who waits behind it sees what is, at once.
func TestCompactionUnderAWatch(t *testing.T) {
	addr := served(t)
	admin := administrator(t, addr, "", "")
	link := linked(t, hostOf(addr))
	behind := "etcd://" + link.addr() + "/"
	ctx := within(t, hang)
	a, b := opened(t, addr+"app", manager.TTL(20*time.Second)), opened(t, behind+"app", manager.TTL(20*time.Second))
	defer a.Close()
	defer b.Close()
	l, e := a.Lock("l"), a.Event("e")
	d, q := manager.NewDict[string, int](a, "d"), manager.NewQueue[int](a, "q", 0)
	l.Lock()
	if err := d.Set(ctx, "k", 0); err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	watched := make(chan int)
	go func() { got <- b.Lock("l").LockContext(ctx) }()
	go func() { got <- b.Event("e").WaitContext(ctx) }()
	go func() {
		v, err := manager.NewQueue[int](b, "q", 0).GetContext(ctx)
		if v != 7 && err == nil {
			err = errors.New("another item")
		}
		got <- err
	}()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer close(watched)
		for change, err := range manager.NewDict[string, int](b, "d").Watch(watching) {
			if err != nil {
				return
			}
			watched <- change.Value
		}
	}()
	if v := <-watched; v != 0 { // the watch is there
		t.Fatal(v)
	}
	time.Sleep(100 * time.Millisecond) // the others wait; that makes the test sharper, and nothing depends on it
	link.cut(true)
	for i := range 50 {
		if err := d.Set(ctx, "k", i+1); err != nil {
			t.Fatal(err)
		}
	}
	l.Unlock()
	e.Set()
	if err := q.Put(7); err != nil {
		t.Fatal(err)
	}
	r, err := admin.Get(ctx, "x")
	if err == nil {
		_, err = admin.Compact(ctx, r.Header.Revision, clientv3.WithCompactPhysical())
	}
	if err != nil {
		t.Fatal(err)
	}
	link.cut(false)
	for range 3 {
		if err := <-got; err != nil {
			t.Error(err)
		}
	}
	for v := range watched {
		if v == 50 {
			stop()
		}
	}
	if watching.Err() == nil || ctx.Err() != nil {
		t.Error("the watch ended before it told the last value")
	}
	b.Lock("l").Unlock()
}

// What is too large is refused, whatever it would be in, and everything is as before.
func TestTooLarge(t *testing.T) {
	addr := served(t)
	m := opened(t, addr+"app")
	defer m.Close()
	c := clusterOf(t, m)
	ctx := within(t, hang)
	large := strings.Repeat("x", 3<<20)
	q, d := manager.NewQueue[string](m, "q", 0), manager.NewDict[string, string](m, "d")
	if err := d.Set(ctx, "k", "before"); err != nil {
		t.Fatal(err)
	}
	echo := call
	p := c.Pool("p")
	name := hook(t, func(context.Context, string) (string, error) { return large, nil })
	stop := world2{t, addr}.work(p, 1)
	defer func() { _ = stop() }()
	_, result := cluster.Apply(ctx, p, echo, name)
	_, submitted := cluster.ApplyAsync(ctx, p, echo, large)
	for what, err := range map[string]error{
		"an item":  q.PutContext(ctx, large),
		"a value":  d.Set(ctx, "k", large),
		"a key":    d.Set(ctx, large, "v"),
		"an input": submitted,
		"a result": result,
		"together": c.Update(ctx, func(tx *cluster.Tx) error {
			return errors.Join(cluster.TxSet(tx, d, "k", large[:800<<10]), cluster.TxPut(tx, q, large[:800<<10]))
		}),
		"many keys": c.Update(ctx, func(tx *cluster.Tx) error { return manyKeys(tx, d) }),
	} {
		if !errors.Is(err, manager.ErrTooLarge) {
			t.Errorf("%s: %.200v", what, err)
		}
	}
	if v, _, err := d.Get(ctx, "k"); v != "before" || err != nil {
		t.Errorf("%.20q %v", v, err)
	}
	if n := q.Len(); n != 0 {
		t.Error(n, "items")
	}
	if err := q.PutContext(ctx, "fits"); err != nil {
		t.Error(err)
	}
	if v, err := q.GetContext(ctx); v != "fits" || err != nil {
		t.Error(v, err)
	}
}

func manyKeys(tx *cluster.Tx, d *manager.Dict[string, string]) error {
	for i := range 101 {
		if err := cluster.TxSet(tx, d, strings.Repeat("k", i+1), "v"); err != nil {
			return err
		}
	}
	return nil
}
