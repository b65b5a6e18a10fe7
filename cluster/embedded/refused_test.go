package embedded_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/gothreading/threading/cluster"
	"github.com/gothreading/threading/cluster/embedded"
	"github.com/gothreading/threading/internal/proof/loopback"
	"github.com/gothreading/threading/manager"
)

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(background, d)
	t.Cleanup(cancel)
	return ctx
}

// refusedAs checks that err is each of want, and says all of parts.
func refusedAs(t testing.TB, err error, parts []string, want ...error) {
	t.Helper()
	for _, w := range want {
		if !errors.Is(err, w) {
			t.Errorf("%v is not %v", err, w)
		}
	}
	for _, p := range parts {
		if err != nil && !strings.Contains(err.Error(), p) {
			t.Errorf("%v does not say %q", err, p)
		}
	}
}

func TestWrongAddress(t *testing.T) {
	for _, addr := range []string{"etcd:", "etcd://", "etcd:///app", "etcd://a,,b/app", "etcd://a/b/c", "etcd://a/%zz", "etcd://user@a/app"} {
		m, err := manager.Open(background, addr)
		if err == nil {
			_ = m.Close()
		}
		refusedAs(t, err, []string{addr}, manager.ErrValue)
	}
	if _, err := cluster.Open(background, cluster.Config{}); !errors.Is(err, manager.ErrValue) {
		t.Error(err)
	}
}

// That nobody answers is told when ctx is over, and where that was.
func TestNoServer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, host := range []string{freeAddr(t), silent.Addr().String()} {
		for _, c := range []cluster.Config{{}, {Username: "app", Password: "secret"}} {
			c.Endpoints = []string{host}
			_, err := cluster.Open(within(t, 300*time.Millisecond), c)
			refusedAs(t, err, []string{host}, manager.ErrNoServer, context.DeadlineExceeded)
		}
		tired := errors.New("tired")
		ctx, cancel := context.WithCancelCause(background)
		time.AfterFunc(50*time.Millisecond, func() { cancel(tired) })
		if _, err := cluster.Open(ctx, cluster.Config{Endpoints: []string{host}}); err != tired {
			t.Error(err)
		}
	}
}

// An authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

var serial int64

func certificate(t testing.TB, template x509.Certificate, by *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial++
	template.SerialNumber = big.NewInt(serial)
	template.Subject = pkix.Name{CommonName: "test"}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := &template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func newAuthority(t testing.TB) *authority {
	a := &authority{pool: x509.NewCertPool()}
	a.cert, a.key = certificate(t, x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	a.pool.AddCert(a.cert)
	return a
}

// tls returns a configuration for both sides, with a certificate of 127.0.0.1.
func (a *authority) tls(t testing.TB) *tls.Config {
	cert, key := certificate(t, x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP(loopback.Address())},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}},
		RootCAs:      a.pool, ClientCAs: a.pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}
}

// Three members prove themselves to each other, and clients and members do.
func TestMutualTLS(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	var peers []string
	for range 3 {
		peers = append(peers, "https://"+freeAddr(t))
	}
	type started struct {
		s   *embedded.Server
		err error
	}
	members := make(chan started)
	ctx := within(t, hang)
	for i := range peers {
		urls := append([]string{peers[i]}, append(append([]string{}, peers[:i]...), peers[i+1:]...)...)
		dir, own, clients := t.TempDir(), ours.tls(t), ours.tls(t)
		go func() {
			s, err := embedded.Start(ctx, dir, embedded.Peers(urls...), embedded.PeerTLS(own), embedded.ClientTLS(clients))
			members <- started{s, err}
		}()
	}
	var endpoints []string
	for range peers {
		m := <-members
		if m.err != nil {
			t.Fatal(m.err)
		}
		t.Cleanup(func() { _ = m.s.Close() })
		endpoints = append(endpoints, m.s.Endpoints()...)
	}
	c, err := cluster.Open(ctx, cluster.Config{Endpoints: endpoints, TLS: ours.tls(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l := c.Lock("l")
	if err := l.LockContext(ctx); err != nil {
		t.Fatal(err)
	}
	l.Unlock()

	nobody := ours.tls(t)
	nobody.Certificates = nil
	stranger := theirs.tls(t)
	stranger.RootCAs = ours.pool
	distrustful := ours.tls(t)
	distrustful.RootCAs = theirs.pool
	for name, config := range map[string]*tls.Config{"no certificate": nobody, "a certificate of another CA": stranger, "a server of another CA": distrustful} {
		_, err := cluster.Open(within(t, hang), cluster.Config{Endpoints: endpoints[:1], TLS: config})
		if err == nil {
			t.Error(name, "is let in")
		}
		refusedAs(t, err, []string{"tls: "}, manager.ErrDenied)
	}
	_, err = cluster.Open(within(t, time.Second), cluster.Config{Endpoints: []string{strings.TrimPrefix(endpoints[0], "https://")}})
	refusedAs(t, err, nil, manager.ErrNoServer)

	// The members know a stranger, too.
	for config, let := range map[*tls.Config]bool{ours.tls(t): true, nobody: false, stranger: false} {
		client := http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
		answer, err := client.Get(peers[0] + "/version")
		if (err == nil) != let {
			t.Error("let in:", err == nil, err)
		}
		if err == nil {
			_ = answer.Body.Close()
		}
	}
}

// The server proves itself, and clients need not.
func TestTLSWithoutClientCertificates(t *testing.T) {
	ours := newAuthority(t)
	own := ours.tls(t)
	own.ClientAuth = tls.NoClientCert
	s, err := embedded.Start(background, t.TempDir(), embedded.ClientTLS(own))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := cluster.Open(within(t, hang), cluster.Config{Endpoints: s.Endpoints(), TLS: &tls.Config{RootCAs: ours.pool}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := manager.NewDict[string, int](c.Manager, "d").Set(background, "k", 1); err != nil {
		t.Error(err)
	}
	_, err = cluster.Open(within(t, hang), cluster.Config{Endpoints: s.Endpoints(), TLS: &tls.Config{RootCAs: newAuthority(t).pool}})
	refusedAs(t, err, []string{"x509: "}, manager.ErrDenied)
}

// What cannot be used is refused before anything is started.
func TestInsecureAndUselessTLS(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	mixed := ours.tls(t)
	mixed.ClientCAs = theirs.pool
	blind := ours.tls(t)
	blind.ClientCAs = nil
	for name, c := range map[string]struct {
		opts []embedded.Option
		want error
	}{
		"clients beyond loopback":  {[]embedded.Option{embedded.Listen("0.0.0.0:0")}, manager.ErrInsecure},
		"peers beyond loopback":    {[]embedded.Option{embedded.Peers("http://192.0.2.1:2380")}, manager.ErrInsecure},
		"peers of another scheme":  {[]embedded.Option{embedded.Peers("http://127.0.0.1:2380"), embedded.PeerTLS(ours.tls(t))}, manager.ErrValue},
		"no certificate":           {[]embedded.Option{embedded.ClientTLS(&tls.Config{})}, manager.ErrValue},
		"a CA that is not its own": {[]embedded.Option{embedded.ClientTLS(mixed)}, manager.ErrValue},
		"no CA to verify with":     {[]embedded.Option{embedded.ClientTLS(blind)}, manager.ErrValue},
	} {
		s, err := embedded.Start(background, t.TempDir(), c.opts...)
		if err == nil {
			_ = s.Close()
		}
		if !errors.Is(err, c.want) {
			t.Error(name, err)
		}
	}
}

// administrator is etcd's own client of a server.
func administrator(t testing.TB, addr, user, password string) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{hostOf(addr)}, Username: user, Password: password, DialTimeout: 10 * time.Second, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func hostOf(addr string) string { return strings.TrimSuffix(strings.TrimPrefix(addr, "etcd://"), "/") }

// A user has the role of a namespace: everything works there, and nothing elsewhere.
func TestRoleOfANamespace(t *testing.T) {
	addr := servedBy(t, func(c *embed.Config) { c.BcryptCost = 4 })
	admin := administrator(t, addr, "", "")
	do := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	role := func(name, prefix string) {
		t.Helper()
		_, err := admin.RoleAdd(background, name)
		do(err)
		_, err = admin.RoleGrantPermission(background, name, prefix, clientv3.GetPrefixRangeEnd(prefix), clientv3.PermissionType(clientv3.PermReadWrite))
		do(err)
		_, err = admin.UserAdd(background, name, "secret")
		do(err)
		_, err = admin.UserGrantRole(background, name, name)
		do(err)
	}
	role("app", "/threading/app/")
	_, err := admin.UserAdd(background, "root", "root")
	do(err)
	_, err = admin.UserGrantRole(background, "root", "root")
	do(err)
	_, err = admin.AuthEnable(background)
	do(err)
	admin = administrator(t, addr, "root", "root")

	ctx := within(t, hang)
	open := func(user, password, namespace string) (*cluster.Cluster, error) {
		return cluster.Open(ctx, cluster.Config{Endpoints: []string{hostOf(addr)}, Namespace: namespace, Username: user, Password: password, TTL: 20 * time.Second})
	}
	for name, c := range map[string][3]string{
		"another namespace": {"app", "secret", "other"},
		"its neighbour":     {"app", "secret", "app2"},
		"a wrong password":  {"app", "wrong", "app"},
		"nobody it knows":   {"who", "secret", "app"},
		"no user":           {"", "", "app"},
	} {
		m, err := open(c[0], c[1], c[2])
		if err == nil {
			t.Error(name, "is let in")
			_ = m.Close()
		}
		refusedAs(t, err, nil, manager.ErrDenied)
	}
	a, err := open("app", "secret", "app")
	do(err)
	b, err := open("app", "secret", "app")
	do(err)
	l, d, q := a.Lock("l"), manager.NewDict[string, int](a.Manager, "d"), manager.NewQueue[int](a.Manager, "q", 0)
	do(l.LockContext(ctx), d.Set(ctx, "k", 1), q.PutContext(ctx, 7))
	waits := make(chan error)
	go func() { waits <- b.Lock("l").LockContext(ctx) }()
	l.Unlock()
	do(<-waits)
	b.Lock("l").Unlock()
	do(l.LockContext(ctx))

	// It is taken away while they work: each call says so, and what was there is there.
	_, err = admin.RoleRevokePermission(background, "app", "/threading/app/", clientv3.GetPrefixRangeEnd("/threading/app/"))
	do(err)
	refusedAs(t, b.Lock("l").LockContext(ctx), nil, manager.ErrDenied)
	refusedAs(t, q.PutContext(ctx, 8), nil, manager.ErrDenied)
	_, err = q.GetContext(ctx)
	refusedAs(t, err, nil, manager.ErrDenied)
	refusedAs(t, d.Set(ctx, "k", 2), nil, manager.ErrDenied)
	_, _, err = d.Get(ctx, "k")
	refusedAs(t, err, nil, manager.ErrDenied)
	refusedAs(t, l.UnlockContext(ctx), nil, manager.ErrDenied)
	_, err = admin.RoleGrantPermission(background, "app", "/threading/app/", clientv3.GetPrefixRangeEnd("/threading/app/"), clientv3.PermissionType(clientv3.PermReadWrite))
	do(err)
	_ = b.Close()
	_ = a.Close()
	c, err := open("app", "secret", "app")
	do(err)
	defer c.Close()
	do(c.Lock("l").LockContext(ctx))
	v, err := manager.NewQueue[int](c.Manager, "q", 0).GetContext(ctx)
	if v != 7 || err != nil {
		t.Error(v, err)
	}
	if v, _, err := manager.NewDict[string, int](c.Manager, "d").Get(ctx, "k"); v != 1 || err != nil {
		t.Error(v, err)
	}
}
