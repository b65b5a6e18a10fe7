package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// bars checks the lines of the progress, which may leave numbers out, and returns the rest.
func bars(t *testing.T, text string, total int) (rest string) {
	last := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "[") {
			rest += line
			continue
		}
		var bar string
		var done int
		_, err := fmt.Sscanf(line, "%s %d of", &bar, &done)
		want := fmt.Sprintf("[%s%s] %d of %d\n", strings.Repeat("#", done), strings.Repeat(".", total-done), done, total)
		if err != nil || line != want || done <= last || rest != "" {
			t.Errorf("after %d comes %q", last, line)
		}
		last = done
	}
	if last != total {
		t.Errorf("the progress ends at %d of %d", last, total)
	}
	return rest
}

// The row of thumbnails repeats after six; the one of picture 7 is missing.
var row = []string{"   ..   ", "   :-   ", "  :==:  ", "  =++=. ", " -+**+- ", ".+*###+."}

func TestEveryWayMakesEveryPictureButTheBrokenOne(t *testing.T) {
	for _, args := range [][]string{nil, {"-fast"}} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			code, stdout, stderr := demotest.Start(program, args...)
			if code != 0 || stderr != "" {
				t.Fatalf("exit code %d, %q", code, stderr)
			}
			took := 1600 * time.Millisecond
			if args != nil {
				took /= 50
			}
			if d := time.Since(began); d != took {
				t.Errorf("%q: took %v, want %v", args, d, took)
			}
			got := bars(t, stdout, 12)
			want := ""
			for i := range 12 {
				if i != broken {
					want += fmt.Sprintf("%2d |%s|\n", i, row[i%6])
				}
			}
			want += "map: 11 of 12, item 7: not a picture\n" +
				"imap: 5 shown, at most 4 more were read: true\n" +
				"imap_unordered: 12, of them 1 failed\n" +
				"as_completed: 11 successful\n"
			// Two pictures are ready at the same time.
			end := regexp.MustCompile(`^first completed: 1[01] called off, all resolved\n$`)
			if !strings.HasPrefix(got, want) || !end.MatchString(strings.TrimPrefix(got, want)) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestAnyNumberOfPicturesAndWorkers(t *testing.T) {
	for args, want := range map[string]string{
		"-pictures 1":             "map: 1 of 1, <nil>\n",
		"-pictures 8 -workers 1":  "map: 7 of 8, item 7: not a picture\n",
		"-pictures 3 -workers 20": "map: 3 of 3, <nil>\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			code, stdout, _ := demotest.Start(program, strings.Fields(args)...)
			if code != 0 || !strings.Contains(stdout, "\n"+want) || !strings.HasSuffix(stdout, " called off, all resolved\n") {
				t.Errorf("%s: exit code %d, got\n%s", args, code, stdout)
			}
		})
	}
}

func TestABadNumberIsOneLine(t *testing.T) {
	for _, args := range []string{"-pictures 0", "-workers 0", "-pictures many"} {
		code, stdout, stderr := demotest.Start(program, strings.Fields(args)...)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "thumbnails: ") {
			t.Errorf("%s: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}
