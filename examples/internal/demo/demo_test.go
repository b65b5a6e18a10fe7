package demo_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
)

func start(p demo.Program, args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = p.Start(args, &out, &err)
	return code, out.String(), err.String()
}

func TestAMistakeIsOneClearLineAndAnExitCode(t *testing.T) {
	p := demo.Program{
		Name: "crossing",
		Does: "lets cars cross.",
		Flags: func(f *flag.FlagSet) demo.Run {
			cars := f.Int("cars", 3, "how many `cars` come")
			return func(out io.Writer, second time.Duration) error {
				switch {
				case *cars < 0:
					return demo.BadInput("-cars %d: want 0 or more", *cars)
				case *cars > 9:
					return errors.New("the road is full")
				}
				_, err := fmt.Fprintln(out, *cars, "cars,", second)
				return err
			}
		},
	}
	for _, c := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"", 0, "3 cars, 1s\n", ""},
		{"-fast -cars 4", 0, "4 cars, 20ms\n", ""},
		{"-slow", 2, "", "crossing: flag provided but not defined: -slow; -help shows the flags\n"},
		{"-cars many", 2, "", `crossing: invalid value "many" for flag -cars: parse error; -help shows the flags` + "\n"},
		{"bikes", 2, "", `crossing: unexpected argument "bikes"; -help shows the flags` + "\n"},
		{"-cars -1", 2, "", "crossing: -cars -1: want 0 or more\n"},
		{"-cars 10", 1, "", "crossing: the road is full\n"},
	} {
		code, stdout, stderr := start(p, strings.Fields(c.args)...)
		if code != c.code || stdout != c.stdout || stderr != c.stderr {
			t.Errorf("crossing %s: exit code %d, %q, %q", c.args, code, stdout, stderr)
		}
	}
	code, stdout, stderr := start(p, "-help")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "lets cars cross.") || !strings.Contains(stdout, "-cars cars") {
		t.Errorf("-help: exit code %d, %q, %q", code, stdout, stderr)
	}
}
