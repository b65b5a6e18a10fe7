package etcd

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/backend/local"
)

// A Config says how to open a Backend.
type Config struct {
	Addr               string // what Backend.Addr returns
	Endpoints          []string
	Namespace          string
	TLS                *tls.Config
	Username, Password string
	TTL                time.Duration
	Label              string
	Logger             *slog.Logger
	Codec              backend.Codec
	OnClose            func() error // after the client was closed
	Fault              Fault        // nil but in tests
}

// A Fault stands between a Backend and etcd: it sends a Txn, or not, or later, and answers for it.
type Fault func(ctx context.Context, send func(context.Context) (*clientv3.TxnResponse, error)) (*clientv3.TxnResponse, error)

const defaultNamespace = "default"

// Address returns the address that leads to endpoints and a namespace.
func Address(endpoints []string, namespace string) string {
	hosts := make([]string, len(endpoints))
	for i, e := range endpoints {
		_, host, found := strings.Cut(e, "://")
		if !found {
			host = e
		}
		hosts[i] = host
	}
	return "etcd://" + strings.Join(hosts, ",") + "/" + url.PathEscape(namespace)
}

// OpenAddress opens etcd://HOST[:PORT],…/NAMESPACE.
func OpenAddress(ctx context.Context, addr string, o backend.Options) (backend.Backend, error) {
	if err := o.Only("etcd:", "TTL", "Logger", "Label"); err != nil {
		return nil, err
	}
	hosts, namespace, err := parse(addr)
	if err != nil {
		return nil, err
	}
	b, err := Open(ctx, Config{Addr: addr, Endpoints: hosts, Namespace: namespace, TTL: o.TTL, Label: o.Label, Logger: o.Logger, Codec: o.Codec})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func parse(addr string) (hosts []string, namespace string, err error) {
	bad := func() ([]string, string, error) {
		return nil, "", backend.Errorf(backend.ErrValue, "Open(%q): want etcd://HOST[:PORT],…/NAMESPACE", addr)
	}
	rest, found := strings.CutPrefix(addr, "etcd://")
	list, escaped, _ := strings.Cut(rest, "/")
	namespace, unescaped := url.PathUnescape(escaped)
	if !found || list == "" || unescaped != nil || strings.Contains(escaped, "/") {
		return bad()
	}
	for _, h := range strings.Split(list, ",") {
		if h == "" || strings.ContainsAny(h, " @?#") {
			return bad()
		}
		if _, _, err := net.SplitHostPort(h); err != nil {
			h = net.JoinHostPort(strings.Trim(h, "[]"), "2379")
		}
		hosts = append(hosts, h)
	}
	return hosts, namespace, nil
}

func (c *Config) client() clientv3.Config {
	return clientv3.Config{
		Endpoints: c.Endpoints, TLS: c.TLS, Username: c.Username, Password: c.Password,
		DialTimeout:          5 * time.Second,
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 5 * time.Second,
		DialOptions:          []grpc.DialOption{grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second})},
		MaxCallSendMsgSize:   8 << 20,
		Logger:               zap.NewNop(),
	}
}

func (c *Config) label() string { return local.LabelOr(c.Label) }
