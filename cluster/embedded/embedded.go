// Package embedded runs etcd inside a program, so that package cluster needs
// nothing that is installed. Importing it makes [manager.Open] understand
//
//	etcd+dir:/var/lib/app          objects that are kept in that directory
//	etcd+dir:/var/lib/app?shop     the same, in a namespace
//
// which starts a server for the directory and talks to it. One process serves a
// directory; others open the Addr of its Manager. [Start] is the same server for
// those who want several members, TLS, or an address of their own.
package embedded

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	_ "github.com/gothreading/threading/cluster" // its addresses, to which a Manager's Addr leads
	"github.com/gothreading/threading/cluster/internal/etcd"
	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/manager"
)

// A Server is a member of an etcd cluster, or all of it.
type Server struct {
	etcd      *embed.Etcd
	lock      *dirLock
	endpoints []string
	cleanup   func()
	close     sync.Once
}

// An Option changes how Start starts a server.
type Option struct{ set func(*settings) }

type settings struct {
	listen             string
	peers              []string
	peerTLS, clientTLS *tls.Config
}

// Listen sets where clients reach the server. The default is a free port of
// 127.0.0.1.
func Listen(addr string) Option { return Option{func(s *settings) { s.listen = addr }} }

// Peers makes the server a member of a cluster: these are the URLs at which the
// members reach each other, this one's own first, such as "http://10.0.0.1:2380".
// All members are started with the same URLs, each with its own first, and Start
// returns when a majority of them runs. A directory remembers its cluster.
func Peers(urls ...string) Option { return Option{func(s *settings) { s.peers = urls }} }

// PeerTLS encrypts what members say to each other, and makes each prove itself.
// The configuration has a certificate, and RootCAs that have signed it and those
// of the others. Without it members reach each other on loopback only.
func PeerTLS(c *tls.Config) Option { return Option{func(s *settings) { s.peerTLS = c }} }

// ClientTLS encrypts what clients and the server say. The configuration has a
// certificate and, if clients have to prove themselves, ClientAuth and ClientCAs
// that have signed the server's certificate, too. Without it the server is for
// loopback only.
func ClientTLS(c *tls.Config) Option { return Option{func(s *settings) { s.clientTLS = c }} }

const (
	busyTime   = 2 * time.Second
	quota      = 8 << 30 // etcd's advice for the most
	compaction = "1m"    // the past that is kept: nothing here needs it
)

// Start starts a server whose data are in dir, which is made if it is not there.
// It returns when the server can be used, which ctx bounds: with [Peers] that
// takes a majority. It returns [manager.ErrBusy] if another server uses dir, and
// [manager.ErrInsecure] for an address beyond loopback without TLS.
func Start(ctx context.Context, dir string, opts ...Option) (*Server, error) {
	s := settings{listen: "127.0.0.1:0"}
	for _, o := range opts {
		if o.set != nil {
			o.set(&s)
		}
	}
	if backend.Ended(ctx) {
		return nil, backend.Cause(ctx)
	}
	config, cleanup, err := s.config(dir)
	if err != nil {
		return nil, err
	}
	lock, err := lockDir(ctx, dir)
	if err != nil {
		cleanup()
		return nil, err
	}
	server := &Server{lock: lock, cleanup: cleanup}
	server.etcd, err = embed.StartEtcd(config)
	if err != nil {
		server.etcd = nil
		_ = server.Close()
		return nil, backend.Errorf(manager.ErrNoServer, "embedded.Start(%q): %v", dir, err)
	}
	select {
	case <-server.etcd.Server.ReadyNotify():
	case err = <-server.etcd.Err():
	case <-server.etcd.Server.StopNotify():
		err = errors.New("it stopped")
	case <-ctx.Done():
		_ = server.Close()
		return nil, backend.Cause(ctx)
	}
	if err != nil {
		_ = server.Close()
		return nil, backend.Errorf(manager.ErrNoServer, "embedded.Start(%q): %v", dir, err)
	}
	scheme := "http://"
	if s.clientTLS != nil {
		scheme = "https://"
	}
	for _, l := range server.etcd.Clients {
		server.endpoints = append(server.endpoints, scheme+l.Addr().String())
	}
	return server, nil
}

// Endpoints returns where clients reach the server: for [cluster.Config].
func (s *Server) Endpoints() []string { return slices.Clone(s.endpoints) }

// Close stops the server. What was acknowledged is kept in the directory.
func (s *Server) Close() error {
	s.close.Do(func() {
		if s.etcd != nil {
			s.etcd.Close()
		}
		if s.lock != nil {
			s.lock.release()
		}
		s.cleanup()
	})
	return nil
}

// config makes etcd's configuration, and what undoes what that has left.
func (s *settings) config(dir string) (_ *embed.Config, cleanup func(), err error) {
	c := embed.NewConfig()
	c.Dir = filepath.Join(dir, "etcd")
	c.QuotaBackendBytes = quota
	c.AutoCompactionMode, c.AutoCompactionRetention = embed.CompactorModePeriodic, compaction
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.New(zapcore.NewNopCore()))
	c.TickMs, c.ElectionMs = 10, 100
	if err := s.beyondLoopback(); err != nil {
		return nil, nil, err
	}
	scheme := "http"
	if s.clientTLS != nil {
		scheme = "https"
	}
	listen := url.URL{Scheme: scheme, Host: s.listen}
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{listen}, []url.URL{listen}
	own := "http://127.0.0.1:0" // nobody reaches it there
	c.Name = "alone"
	c.InitialCluster = c.Name + "=" + own
	if len(s.peers) > 0 {
		c.TickMs, c.ElectionMs = 100, 1000
		own = s.peers[0]
		var members []string
		for _, p := range s.peers {
			members = append(members, memberName(p)+"="+p)
		}
		slices.Sort(members)
		c.Name, c.InitialCluster = memberName(own), strings.Join(members, ",")
	}
	peer, err := url.Parse(own)
	if err != nil {
		return nil, nil, backend.Errorf(manager.ErrValue, "embedded.Peers(%q): %v", own, err)
	}
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, nil, err
	}
	if s.peerTLS == nil && s.clientTLS == nil {
		return c, func() {}, nil
	}
	files, err := os.MkdirTemp(dir, "tls-")
	if err != nil {
		return nil, nil, err
	}
	cleanup = func() { _ = os.RemoveAll(files) }
	if s.peerTLS != nil {
		err = writeTLS(&c.PeerTLSInfo, filepath.Join(files, "peer"), s.peerTLS, s.peerTLS.RootCAs, true)
	}
	if s.clientTLS != nil && err == nil {
		verify := s.clientTLS.ClientAuth == tls.RequireAndVerifyClientCert
		roots := s.clientTLS.ClientCAs
		if !verify {
			roots = nil // an etcd that has them verifies
		}
		err = writeTLS(&c.ClientTLSInfo, filepath.Join(files, "client"), s.clientTLS, roots, verify)
	}
	if err != nil {
		cleanup()
		return nil, nil, err
	}
	return c, cleanup, nil
}

func memberName(peer string) string {
	return strings.NewReplacer("://", "-", ":", "-", "/", "-", ".", "-", "[", "", "]", "").Replace(peer)
}

// beyondLoopback returns ErrInsecure for an address that needs TLS and has none.
func (s *settings) beyondLoopback() error {
	check := func(what, host string, c *tls.Config) error {
		name, _, err := net.SplitHostPort(host)
		if err != nil {
			return backend.Errorf(manager.ErrValue, "embedded.%s(%q): %v", what, host, err)
		}
		ip := net.ParseIP(name)
		if c == nil && name != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return backend.Errorf(manager.ErrInsecure, "embedded.%s(%q): beyond loopback it takes TLS", what, host)
		}
		return nil
	}
	if err := check("Listen", s.listen, s.clientTLS); err != nil {
		return err
	}
	for _, p := range s.peers {
		u, err := url.Parse(p)
		want := "http"
		if s.peerTLS != nil {
			want = "https"
		}
		if err != nil || u.Scheme != want || u.Port() == "" {
			return backend.Errorf(manager.ErrValue, "embedded.Peers(%q): want %s://HOST:PORT", p, want)
		}
		if err := check("Peers", u.Host, s.peerTLS); err != nil {
			return err
		}
	}
	return nil
}

// The servers that addresses of this process have started, by directory.
var shared = struct {
	guard   sync.Mutex
	servers map[string]*sharing
}{servers: make(map[string]*sharing)}

type sharing struct {
	turn   sync.Mutex
	server *Server
	users  int
}

func init() { manager.RegisterScheme("etcd+dir", openDir) }

func openDir(ctx context.Context, addr string, o backend.Options) (backend.Backend, error) {
	if err := o.Only("etcd+dir:", "TTL", "Logger", "Label"); err != nil {
		return nil, err
	}
	dir, namespace, _ := strings.Cut(strings.TrimPrefix(addr, "etcd+dir:"), "?")
	dir = strings.TrimPrefix(dir, "//")
	if dir == "" {
		return nil, backend.Errorf(manager.ErrValue, "Open(%q): want etcd+dir:DIRECTORY", addr)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	shared.guard.Lock()
	s := shared.servers[dir]
	if s == nil {
		s = &sharing{}
		shared.servers[dir] = s
	}
	s.users++
	shared.guard.Unlock()
	leave := func() error {
		shared.guard.Lock()
		s.users--
		last := s.users == 0
		if last {
			delete(shared.servers, dir)
		}
		shared.guard.Unlock()
		s.turn.Lock()
		defer s.turn.Unlock()
		if last && s.server != nil {
			return s.server.Close()
		}
		return nil
	}
	s.turn.Lock()
	if s.server == nil {
		s.server, err = Start(ctx, dir)
	}
	s.turn.Unlock()
	if err != nil {
		_ = leave()
		return nil, err
	}
	endpoints := s.server.Endpoints()
	b, err := etcd.Open(ctx, etcd.Config{
		Addr: etcd.Address(endpoints, namespace), Endpoints: endpoints, Namespace: namespace,
		TTL: o.TTL, Label: o.Label, Logger: o.Logger, Codec: o.Codec, OnClose: leave,
	})
	if err != nil {
		_ = leave()
		return nil, err
	}
	return b, nil
}
