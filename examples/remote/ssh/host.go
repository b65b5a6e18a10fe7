package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// An access is what it takes to log in.
type access struct {
	user  string
	key   ssh.Signer
	known string // the file
	check ssh.HostKeyCallback
}

func newAccess(user, keyFile, known string) (*access, error) {
	pem, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	check, err := knownhosts.New(known)
	if err != nil {
		return nil, err
	}
	return &access{user, key, known, check}, nil
}

// A host is one that was logged in to.
type host struct {
	client *ssh.Client
	ctx    context.Context
	stop   func() bool
}

// dial logs in. The end of ctx ends the connection, and with it whatever is going on there.
func (a *access) dial(ctx context.Context, name string) (*host, error) {
	addr := name
	if _, _, err := net.SplitHostPort(name); err != nil {
		addr = net.JoinHostPort(name, "22")
	}
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	conn, channels, requests, err := ssh.NewClientConn(c, addr, &ssh.ClientConfig{
		User: a.user, Auth: []ssh.AuthMethod{ssh.PublicKeys(a.key)},
		HostKeyCallback: a.check, HostKeyAlgorithms: a.algorithms(addr, c.RemoteAddr()),
	})
	if err != nil {
		stop()
		_ = c.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, a.explain(err)
	}
	return &host{ssh.NewClient(conn, channels, requests), ctx, stop}, nil
}

// algorithms are those of the keys that are known of a host: it may have others as well, and choose one of those.
func (a *access) algorithms(addr string, remote net.Addr) (all []string) {
	var key *knownhosts.KeyError
	if !errors.As(a.check(addr, remote, a.key.PublicKey()), &key) { // which is not the host's
		return nil
	}
	for _, k := range key.Want {
		if t := k.Key.Type(); t == ssh.KeyAlgoRSA {
			all = append(all, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		} else {
			all = append(all, t)
		}
	}
	return all
}

// explain says what to do about the key of a host.
func (a *access) explain(err error) error {
	var key *knownhosts.KeyError
	switch {
	case !errors.As(err, &key):
		return err
	case len(key.Want) == 0:
		return fmt.Errorf("its key is not in %s: ssh-keyscan shows it, and whether it is right somebody must know: %w", a.known, err)
	}
	return fmt.Errorf("its key is not the one in %s, line %d: it is another host, or somebody is in between: %w", a.known, key.Want[0].Line, err)
}

func (h *host) close() {
	h.stop()
	_ = h.client.Close()
}

// because returns why a call has failed: the end of the context, if that has come.
func (h *host) because(err error) error {
	if h.ctx.Err() != nil {
		return context.Cause(h.ctx)
	}
	return err
}

// run runs a command and returns what it wrote.
func (h *host) run(command string) (string, error) {
	s, err := h.client.NewSession()
	if err != nil {
		return "", err
	}
	defer s.Close()
	var out, errs bytes.Buffer
	s.Stdout, s.Stderr = &out, &errs
	if err = s.Run(command); err != nil && errs.Len() > 0 {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(errs.String()))
	}
	return out.String(), err
}

func (h *host) put(local, remote string) error {
	from, err := os.Open(local)
	if err != nil {
		return err
	}
	defer from.Close()
	return h.files(func(c *sftp.Client) error {
		to, err := c.Create(remote)
		if err != nil {
			return fmt.Errorf("%s: %w", remote, err)
		}
		return copyTo(to, from)
	})
}

func (h *host) get(remote, local string) error {
	return h.files(func(c *sftp.Client) error {
		from, err := c.Open(remote)
		if err != nil {
			return fmt.Errorf("%s: %w", remote, err)
		}
		defer from.Close()
		to, err := os.Create(local)
		if err != nil {
			return err
		}
		return copyTo(to, from)
	})
}

func (h *host) files(use func(*sftp.Client) error) error {
	c, err := sftp.NewClient(h.client)
	if err != nil {
		return err
	}
	defer c.Close()
	return use(c)
}

// copyTo copies and closes: an error of Close is one of writing.
func copyTo(to io.WriteCloser, from io.Reader) error {
	_, err := io.Copy(to, from)
	return errors.Join(err, to.Close())
}
