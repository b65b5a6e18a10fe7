package etcd

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

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

// connect makes a client that has been answered, or ctx ends: then, and if the server refuses for good, the error says
// why. etcd's client keeps what is wrong with a connection to itself, unless it is asked not to wait for a better one.
func (c *Config) connect(ctx context.Context) (*clientv3.Client, error) {
	config := c.client()
	config.Username = ""
	client, err := clientv3.New(config)
	if err != nil {
		return nil, backend.Errorf(backend.ErrValue, "%s: %v", c.Addr, err)
	}
	if err := answers(ctx, client, c.Addr); err != nil || c.Username == "" {
		if err != nil {
			_ = client.Close()
			client = nil
		}
		return client, err
	}
	_ = client.Close()
	for try := 0; ; try++ {
		client, err := c.login(ctx)
		if err == nil {
			return client, nil
		}
		if final := definite(err); final != nil {
			return nil, final
		}
		if backend.Ended(ctx) || !pause(ctx, try) {
			return nil, unopened(ctx, c.Addr, nil)
		}
	}
}

// answers waits until a server says anything.
func answers(ctx context.Context, client *clientv3.Client, addr string) error {
	for try := 0; ; try++ {
		one, cancel := context.WithTimeout(backend.Sound(ctx), requestTime)
		_, err := pb.NewMaintenanceClient(client.ActiveConnection()).Status(one, &pb.StatusRequest{}, grpc.WaitForReady(false))
		cancel()
		if err == nil || status.Code(err) != codes.Unavailable && status.Code(err) != codes.DeadlineExceeded && status.Code(err) != codes.Canceled {
			return nil
		}
		if refused := handshake(err); refused != nil {
			return refused
		}
		if backend.Ended(ctx) || !pause(ctx, try) {
			return unopened(ctx, addr, err)
		}
	}
}

// login makes a client with a name and a password, which asks the server at once.
func (c *Config) login(ctx context.Context) (*clientv3.Client, error) {
	config := c.client()
	life, cancel := context.WithCancel(context.Background())
	config.Context = life
	stop := context.AfterFunc(backend.Sound(ctx), cancel)
	client, err := clientv3.New(config)
	if !stop() && err == nil {
		_ = client.Close()
		err = context.Canceled
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return client, nil
}

// handshake returns ErrDenied if err says that one side does not accept the certificate of the other. It is for those
// who begin: in one that has been let in it may be of a server whose certificate is being changed.
func handshake(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, part := range [...]string{"x509: ", "remote error: tls: ", "tls: first record does not look like"} {
		if strings.Contains(text, part) {
			return backend.Errorf(backend.ErrDenied, "%s", text)
		}
	}
	return nil
}

func (c *Config) label() string { return local.LabelOr(c.Label) }
