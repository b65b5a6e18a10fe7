package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"
	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

func start(p demo.Program, args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	code = p.Start(args, &out, &errs)
	return code, out.String(), errs.String()
}

// eachServer runs a test with two real servers, and with two of ours.
func eachServer(t *testing.T, f func(t *testing.T, servers []string)) {
	t.Run("memcached", func(t *testing.T) { f(t, []string{startMemcached(t), startMemcached(t)}) })
	t.Run("ours", func(t *testing.T) { f(t, []string{startMemory(t), startMemory(t)}) })
}

const toured = `set name alex                stored
get name                     alex
add name eric                not stored
replace name eric            stored
replace nobody x             not stored
append name !                stored
prepend name dear            stored
get name                     dear eric!
delete name                  stored
get name                     (none)
set count 10                 stored
incr count 5                 15
decr count 100               0
set k1, k2, k3               stored
get k1, k2, k3, k4           map[k1:v1 k2:v2 k3:v3]
`

func TestTheTourAndTheSale(t *testing.T) {
	eachServer(t, func(t *testing.T, servers []string) {
		for _, c := range []struct{ stock, buyers int }{{0, 1}, {1, 8}, {200, 1}, {200, 16}} {
			code, stdout, stderr := start(program, "-servers", strings.Join(servers, ","), "-stock", fmt.Sprint(c.stock), "-buyers", fmt.Sprint(c.buyers))
			want := toured + fmt.Sprintf("%d threads bought %d of %d, and 0 are left\n", c.buyers, c.stock, c.stock)
			if code != 0 || strings.ReplaceAll(stdout, " \n", "\n") != want || stderr != "" {
				t.Errorf("exit code %d, %s%s\nwant %s", code, stdout, stderr, want)
			}
		}
	})
}

// Both servers have some of the keys, and whoever asks finds them all.
func TestTheKeysAreOnBothServers(t *testing.T) {
	eachServer(t, func(t *testing.T, servers []string) {
		all, err := newCache(servers)
		if err != nil {
			t.Fatal(err)
		}
		defer all.close()
		const n = 100
		var keys []string
		for i := range n {
			keys = append(keys, fmt.Sprint("key", i))
			if err := all.set(keys[i], fmt.Sprint(i), 0); err != nil {
				t.Fatal(err)
			}
		}
		sum := 0
		for _, server := range servers {
			one, err := newCache([]string{server})
			if err != nil {
				t.Fatal(err)
			}
			defer one.close()
			got, err := one.getMany(keys...)
			if err != nil || len(got) == 0 {
				t.Errorf("%s has %d, %v", server, len(got), err)
			}
			sum += len(got)
		}
		if got, err := all.getMany(keys...); sum != n || len(got) != n || err != nil || got["key42"] != "42" {
			t.Errorf("%d and %d of %d, %v", sum, len(got), n, err)
		}
	})
}

// A miss is told from a mistake, and from a server that is gone.
func TestErrorsAreToldApart(t *testing.T) {
	eachServer(t, func(t *testing.T, servers []string) {
		c, err := newCache(servers)
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		if _, err := c.get("nothing"); !errors.Is(err, memcache.ErrCacheMiss) {
			t.Error(err)
		}
		if _, err := c.take("nothing"); !errors.Is(err, memcache.ErrCacheMiss) {
			t.Error(err)
		}
		if _, err := c.get("a key with spaces"); !errors.Is(err, memcache.ErrMalformedKey) {
			t.Error(err)
		}
		if err := c.set("text", "no number", 0); err != nil {
			t.Error(err)
		}
		if _, err := c.add64("text", 1); err == nil || !strings.Contains(err.Error(), "non-numeric") {
			t.Error(err)
		}
		if _, err := c.take("text"); err == nil {
			t.Error("a text was counted")
		}
		if _, err := newCache(append(servers, "127.0.0.1:1")); err == nil || !strings.Contains(err.Error(), "not all servers answer") {
			t.Error(err)
		}
	})
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "-servers"}, {"-servers a:1 -stock -1", "-stock -1"}, {"-servers a:1 -buyers 0", "-buyers 0"},
	} {
		code, stdout, stderr := start(program, strings.Fields(c.args)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q, %q", c.args, code, stdout, stderr)
		}
	}
	if code, _, stderr := start(program, "-servers", "127.0.0.1:1"); code != 1 || strings.Count(stderr, "\n") != 1 {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}
