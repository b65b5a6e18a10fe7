package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"testing/synctest"
	"time"
	"unicode"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/thread"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// The totals.

// reference counts as count does, one file after another and by other means.
func reference(t *testing.T, fsys fs.FS, ext string) (counts map[string]int, s sums) {
	t.Helper()
	counts = make(map[string]int)
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			s.unreadable++
			return nil
		}
		if !entry.Type().IsRegular() || !strings.HasSuffix(name, ext) {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			s.unreadable++
			return nil
		}
		s.files++
		s.bytes += int64(len(text))
		for _, word := range referenceWords(string(text)) {
			counts[word]++
			s.words++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return counts, s
}

func referenceWords(text string) []string {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	return slices.DeleteFunc(words, func(w string) bool { return unicode.IsDigit([]rune(w)[0]) })
}

func plain(counts map[string]*int) map[string]int {
	m := make(map[string]int)
	for word, count := range counts {
		m[word] = *count
	}
	return m
}

func TestTotalsEqualSingleThreadedCount(t *testing.T) {
	small := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(small, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("empty.go", "")
	write("a.go", "package a // größe, größe; 世界 _x x1 1x 0x1F é")
	write("deep/er/b.go", "package b\nfunc b() {}")
	write("deep/er/b.txt", "not counted")
	write("folder.go/c.go", "package c; a folder may have the ending of a file")
	write("broken.go", "nobody can read this")
	write("locked/d.go", "nobody gets here")
	for i := range 3 * backlog {
		write(fmt.Sprintf("many/%03d.go", i), strings.Repeat(fmt.Sprintf("word%d shared ", i%7), i))
	}

	trees := []struct {
		name string
		fsys fs.FS
		want sums // where it is known without counting
	}{
		{
			"small",
			brokenFS{os.DirFS(small), []string{"broken.go", "locked"}},
			sums{files: 4 + 3*backlog, unreadable: 2},
		},
		{"src/sync", nil, sums{}},
	}
	for _, tree := range trees {
		t.Run(tree.name, func(t *testing.T) {
			if tree.fsys == nil {
				src, err := toolchainSource(t.Context())
				if err == nil {
					_, err = os.Stat(filepath.Join(src, "sync"))
				}
				if err != nil {
					t.Skip("no toolchain source here:", err)
				}
				tree.fsys = os.DirFS(filepath.Join(src, "sync"))
			}
			wantCounts, want := reference(t, tree.fsys, ".go")
			if tree.want.files > 0 && (want.files != tree.want.files || want.unreadable != tree.want.unreadable) {
				t.Fatalf("the reference found %+v, want %+v", want, tree.want)
			}
			for _, workers := range []int{1, 2, 8} {
				opts := options{folder: tree.name, workers: workers, exts: []string{".go"}}
				got, err := count(t.Context(), tree.fsys, opts, &console{out: io.Discard})
				if err != nil || got.partial {
					t.Errorf("%d workers: partial %t, error %v", workers, got.partial, err)
				}
				if got.sums != want {
					t.Errorf("%d workers: got %+v, want %+v", workers, got.sums, want)
				}
				if !maps.Equal(plain(got.counts), wantCounts) {
					t.Errorf("%d workers: the words' counts differ from the reference's", workers)
				}
			}
		})
	}
}

// brokenFS fails to open some names, also for root.
type brokenFS struct {
	fs.FS
	broken []string
}

func (b brokenFS) Open(name string) (fs.File, error) {
	if slices.Contains(b.broken, name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return b.FS.Open(name)
}

func TestWords(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"a", "a"},
		{"func (x *T) Read_2(b []byte) {}", "func x T Read_2 b byte"},
		{"_ __ _1", "_ __ _1"},
		{"1 12 0x1F 1e9 1_000 2nd x2", "x2"},
		{"größe 世界 x世1 ٣x x٣", "größe 世界 x世1 x٣"},
		{"a\xffb \xe4\xb8", "a b"}, // invalid UTF-8 separates
		{"\x00tab\ttwo\r\nthree", "tab two three"},
	} {
		if got := strings.Join(words(t, tt.text, 16, nil), " "); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
		if ref := strings.Join(referenceWords(tt.text), " "); ref != tt.want {
			t.Errorf("%q: the reference finds %q, want %q", tt.text, ref, tt.want)
		}
	}
}

// words counts text through a buffer of the given size and returns each word as often as it was counted, in the order
// of first appearance.
func words(t *testing.T, text string, buffer int, chop func(io.Reader) io.Reader) (all []string) {
	t.Helper()
	var r io.Reader = strings.NewReader(text)
	if chop != nil {
		r = chop(r)
	}
	c := newCounter(buffer)
	if err := c.count(r); err != nil {
		t.Fatal(err)
	}
	for _, w := range c.file {
		all = append(all, slices.Repeat([]string{w.text}, w.count)...)
	}
	if c.words != len(all) || c.bytes != int64(len(text)) {
		t.Errorf("%.40q: counted %d words and %d bytes, want %d and %d", text, c.words, c.bytes, len(all), len(text))
	}
	return all
}

func FuzzWordsInPieces(f *testing.F) {
	f.Add("package main // größe 世界 世界 1x x1 \xe4\xb8 0x1F", 1)
	f.Add(strings.Repeat("long", 50)+" 12"+strings.Repeat("3", 50)+" end", 7)
	f.Add("世", 2)
	f.Fuzz(func(t *testing.T, text string, buffer int) {
		buffer = max(1, min(buffer, 1<<10))
		want := referenceWords(text)
		slices.Sort(want)
		readers := []func(io.Reader) io.Reader{nil, iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader}
		for i, chop := range readers {
			got := words(t, text, buffer, chop)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("reader %d, buffer %d: got %q, want %q", i, buffer, got, want)
			}
		}
	})
}

func TestKnownWordsCostNoAllocation(t *testing.T) {
	text := []byte(strings.Repeat("package größe func 世界 return ", 100))
	all := &totals{counts: make(map[string]*int)}
	c := newCounter(readSize)
	r := bytes.NewReader(nil)
	again := func() {
		r.Reset(text)
		if err := c.count(r); err != nil {
			t.Fatal(err)
		}
		all.add(c)
	}
	again()
	if n := testing.AllocsPerRun(10, again); n != 0 {
		t.Errorf("%v allocations for a file of known words, want 0", n)
	}
}

// The program.

// fakeFolder lets a program open fsys, whatever the folder's name.
func fakeFolder(fsys fs.FS) func(string) (fs.FS, error) {
	return func(string) (fs.FS, error) { return fsys, nil }
}

// runWith runs the program on fsys, or on the disk if that is nil.
func runWith(ctx context.Context, fsys fs.FS, terminal bool, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	p := program{stdout: &out, stderr: &errs, terminal: terminal, open: openFolder}
	if fsys != nil {
		p.open = fakeFolder(fsys)
	}
	code = p.run(ctx, args)
	return code, out.String(), errs.String()
}

// slowFS needs a while to open a file, but not a folder.
type slowFS struct {
	fs.FS
	open time.Duration
}

func (s slowFS) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, ".go") {
		time.Sleep(s.open)
	}
	return s.FS.Open(name)
}

// manyFiles is a tree of n files with five words each.
func manyFiles(n int) fstest.MapFS {
	tree := fstest.MapFS{}
	for i := range n {
		tree[fmt.Sprintf("%d/%d.go", i%10, i)] = &fstest.MapFile{Data: []byte("to be or to go")}
	}
	return tree
}

func TestTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := fstest.MapFS{
			"a.go": {Data: []byte(strings.Repeat("word ", 1234))},
			"b.go": {Data: []byte("b 世界 a word b")},
			"c.md": {Data: []byte("not counted")},
		}
		code, got, _ := runWith(t.Context(), slowFS{tree, 500 * time.Millisecond}, false,
			"-workers", "1", "-top=3", "tree")
		want := `  rank          count   share  word
     1          1,235  99.68%  word
     2              2   0.16%  b
     3              1   0.08%  a

files                       2  .go in tree
bytes                   6,187
words                   1,239
distinct words              4
unreadable                  0
seconds                  1.00  2 files/s, 0.0 MB/s, -workers 1
`
		if code != done || got != want {
			t.Errorf("exit code %d, output\n%s\nwant 0 and\n%s", code, got, want)
		}
	})
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestProgressOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := brokenFS{slowFS{manyFiles(30), 105 * time.Millisecond}, []string{"5"}} // 5: a folder of 3 files
		code, _, got := runWith(t.Context(), tree, true, "-workers", "1", "tree")
		if code != done {
			t.Errorf("exit code %d, want 0", code)
		}
		// 27 files of 105 ms take 2.835 s: a line every 100 ms and one at the end.
		if n := strings.Count(got, "\r"); n != 28+1 {
			t.Errorf("%d lines of progress, want 29:\n%q", n, got)
		}
		if want := "\r1 files, 0.0 MB in 0.2 s: 5 files/s, 0.0 MB/s"; !strings.Contains(got, want) {
			t.Errorf("no %q in\n%q", want, got)
		}
		if want := "\r27 files, 0.0 MB in 2.8 s: 9 files/s, 0.0 MB/s\n"; !strings.HasSuffix(got, want) {
			t.Errorf("the end is not %q:\n%q", want, got)
		}
		want := "wordcount: cannot read " + filepath.FromSlash("tree/5") + ", left out: permission denied\n"
		if !strings.HasPrefix(got, want) {
			t.Errorf("the beginning is not %q:\n%q", want, got)
		}
		if n := strings.Count(got, "\n"); n != 2 {
			t.Errorf("%d ends of lines, want one for the report and one at the end:\n%q", n, got)
		}
	})
}

func TestReportOverLiveLine(t *testing.T) {
	var got bytes.Buffer
	c := &console{out: &got, live: true}
	c.progress("a long line")
	c.report("report")
	c.progress("next")
	c.progress("n")
	c.end("end")
	if want := "\ra long line\rreport     \n\rnext\rn   \rend\n"; got.String() != want {
		t.Errorf("got\n%q, want\n%q", got.String(), want)
	}
}

func TestReportsFromAllWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 100
		var names []string
		for name := range manyFiles(n) {
			names = append(names, name)
		}
		tree := slowFS{brokenFS{manyFiles(n), names}, 70 * time.Millisecond}
		_, _, got := runWith(t.Context(), tree, true, "-workers", "4", "tree")
		lines := 0
		for line := range strings.Lines(got) {
			line = strings.TrimRight(line[strings.LastIndex(line, "\r")+1:], " \n")
			if strings.HasPrefix(line, "wordcount: cannot read ") &&
				strings.HasSuffix(line, ".go, left out: permission denied") {
				lines++
			}
		}
		if lines != n {
			t.Errorf("%d whole lines for %d unreadable files:\n%q", lines, n, got)
		}
	})
}

func TestProgressWhenPiped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, got := runWith(t.Context(), slowFS{manyFiles(12), time.Second}, false, "-workers", "1", "tree")
		lines := strings.Split(got, "\n")
		if strings.Contains(got, "\r") || len(lines) != 4 {
			t.Fatalf("want plain lines after 5, 10 and 12 seconds, got\n%q", got)
		}
		for i, want := range []string{" in 5.0 s: ", " in 10.0 s: ", "12 files, 0.0 MB in 12.0 s: 1 files/s, 0.0 MB/s"} {
			if !strings.Contains(lines[i], want) {
				t.Errorf("line %d is %q, want one with %q", i+1, lines[i], want)
			}
		}
	})
}

func TestIsTerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if isTerminal(w) {
		t.Error("a pipe passes for a terminal")
	}
}

func TestWrongUsage(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string // in the message
	}{
		{[]string{"-frobnicate"}, "-frobnicate"},
		{[]string{"-workers"}, "-workers"},
		{[]string{"-workers", "many"}, `"many" for flag -workers: give a whole number from 1 to 1024`},
		{[]string{"-workers", "0"}, `"0" for flag -workers: give a whole number from 1`},
		{[]string{"-workers", "-3"}, `"-3"`},
		{[]string{"-workers", "1025"}, `"1025"`},
		{[]string{"-workers", "1e3"}, `"1e3"`},
		{[]string{"-top", "-1"}, `"-1" for flag -top: give a whole number from 0`},
		{[]string{"-top", "99999999999999999999"}, `"99999999999999999999"`},
		{[]string{"-ext", ".go,"}, `".go," for flag -ext: give endings such as .go`},
		{[]string{"-ext", "*.go"}, `"*.go" for flag -ext`},
		{[]string{"one", "two"}, "one two"},
		{[]string{"folder", "-top", "5"}, "after the flags"},
		{[]string{""}, "empty"},
	} {
		code, stdout, stderr := runWith(t.Context(), fstest.MapFS{}, true, tt.args...)
		if code != wrongUsage || stdout != "" {
			t.Errorf("%q: exit code %d, output %q; want 2 and none", tt.args, code, stdout)
		}
		oneLine(t, stderr, tt.want)
	}
}

// oneLine checks that a message is one line of this program and says want.
func oneLine(t *testing.T, message, want string) {
	t.Helper()
	if !strings.HasPrefix(message, "wordcount: ") || strings.Index(message, "\n") != len(message)-1 {
		t.Errorf("want one line that begins with the program's name, got\n%s", message)
	}
	if !strings.Contains(message, want) {
		t.Errorf("no %q in the message\n%s", want, message)
	}
}

func TestHelp(t *testing.T) {
	code, stdout, stderr := runWith(t.Context(), nil, false, "-help")
	if code != done || stdout != usage || stderr != "" {
		t.Errorf("exit code %d, output %q, errors %q; want 0 and the usage", code, stdout, stderr)
	}
}

func TestNoSuchFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing")
	for folder, want := range map[string]string{
		missing: "cannot open the folder " + missing,
		file:    file + " is not a folder",
	} {
		code, stdout, stderr := runWith(t.Context(), nil, true, folder)
		if code != failed || stdout != "" {
			t.Errorf("%s: exit code %d, output %q; want 1 and none", folder, code, stdout)
		}
		oneLine(t, stderr, want)
	}
}

func TestUnreadableRoot(t *testing.T) {
	code, stdout, stderr := runWith(t.Context(), brokenFS{manyFiles(1), []string{"."}}, false, "tree")
	if code != failed || stdout != "" {
		t.Errorf("exit code %d, output %q; want 1 and none", code, stdout)
	}
	oneLine(t, stderr, "cannot read the folder tree: permission denied")
}

func TestToolchainSource(t *testing.T) {
	t.Setenv("GOROOT", filepath.Join("some", "go"))
	if got, err := toolchainSource(t.Context()); got != filepath.Join("some", "go", "src") || err != nil {
		t.Errorf("with GOROOT=some/go: got %q, %v", got, err)
	}
	t.Setenv("GOROOT", "")
	t.Setenv("PATH", "")
	code, stdout, stderr := runWith(t.Context(), nil, false)
	if code != failed || stdout != "" {
		t.Errorf("without a toolchain: exit code %d, output %q; want 1 and none", code, stdout)
	}
	oneLine(t, stderr, "GOROOT is not set")
}

func TestUnwritableResult(t *testing.T) {
	var errs bytes.Buffer
	p := program{stdout: fullDisk{}, stderr: &errs, open: fakeFolder(manyFiles(1))}
	code := p.run(t.Context(), []string{"tree"})
	if code != failed || !strings.HasSuffix(errs.String(), "wordcount: cannot write the result: no space left\n") {
		t.Errorf("exit code %d, errors\n%s\nwant 1 and the reason", code, errs.String())
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestUnreadableEntries(t *testing.T) {
	tree := torn{brokenFS{fstest.MapFS{
		"a.go":        {Data: []byte("fine fine")},
		"shut.go":     {Data: []byte("never seen")},
		"torn.go":     {Data: []byte("fine torn")},
		"locked/b.go": {Data: []byte("never seen")},
		"z.go":        {Data: []byte("fine")},
	}, []string{"shut.go", "locked"}}}
	code, stdout, stderr := runWith(t.Context(), tree, false, "-workers", "1", "tree")
	if code != done {
		t.Errorf("exit code %d, want 0", code)
	}
	for _, name := range []string{"shut.go", "torn.go", "locked"} {
		want := "wordcount: cannot read " + filepath.Join("tree", name) + ", left out: "
		if strings.Count(stderr, want) != 1 {
			t.Errorf("no line, or more than one, with %q in\n%s", want, stderr)
		}
	}
	for name, want := range map[string]string{
		"files": "2", "bytes": "13", "words": "3", "distinct words": "1", "unreadable": "3",
	} {
		if got := total(stdout, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// total is the number in the line of a table that begins with name.
func total(table, name string) string {
	for line := range strings.Lines(table) {
		if rest, ok := strings.CutPrefix(line, name+"  "); ok {
			return strings.Fields(rest)[0]
		}
	}
	return "missing"
}

// torn is a tree whose torn.go fails after the first bytes.
type torn struct{ fs.FS }

func (t torn) Open(name string) (fs.File, error) {
	f, err := t.FS.Open(name)
	if err == nil && name == "torn.go" {
		f = tornFile{f, io.MultiReader(f, iotest.ErrReader(syscall.EIO))}
	}
	return f, err
}

type tornFile struct {
	fs.File
	r io.Reader
}

func (f tornFile) Read(b []byte) (int, error) { return f.r.Read(b) }

func TestOnlyRegularFiles(t *testing.T) {
	tree := fstest.MapFS{
		"a.go":    {Data: []byte("one")},
		"link.go": {Data: []byte("a.go"), Mode: fs.ModeSymlink | 0o777},
		"pipe.go": {Data: []byte("two"), Mode: fs.ModeNamedPipe | 0o666},
	}
	_, stdout, stderr := runWith(t.Context(), tree, false, "tree")
	if total(stdout, "files") != "1" || total(stdout, "unreadable") != "0" {
		t.Errorf("want the one regular file and nothing reported, got\n%s%s", stdout, stderr)
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.go"), []byte("one"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"loop": ".", "file.go": "a.go", "dangling.go": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	// A link to the folder itself, given by name, is followed.
	for _, folder := range []string{dir, filepath.Join(dir, "loop")} {
		code, stdout, stderr := runWith(t.Context(), nil, false, folder)
		if code != done || total(stdout, "files") != "1" || total(stdout, "unreadable") != "0" {
			t.Errorf("%s: want one file and exit code 0, got %d and\n%s%s", folder, code, stdout, stderr)
		}
	}
}

func TestEndings(t *testing.T) {
	tree := fstest.MapFS{"a.go": {}, "b.md": {}, "c.tar.gz": {}, "Makefile": {}, "d/go": {}, "e.GO": {}}
	for _, tt := range []struct{ ext, files string }{
		{".go", "1"}, {"go", "1"}, {".go,.md", "2"}, {" go, md", "2"}, {".tar.gz", "1"}, {"gz", "1"}, {".c", "0"},
		{"all", "6"}, {"", "6"},
	} {
		code, stdout, stderr := runWith(t.Context(), tree, false, "-ext", tt.ext, "tree")
		if code != done || total(stdout, "files") != tt.files {
			t.Errorf("-ext %q: want %s files and exit code 0, got %d and\n%s%s", tt.ext, tt.files, code, stdout, stderr)
		}
	}
}

// The ways to end early. That the bubble ends at all shows that no goroutine is left waiting.

func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		began := time.Now()
		// More files than the queue holds: the walker waits for room when ctx ends.
		code, stdout, _ := runWith(ctx, slowFS{manyFiles(2 * backlog), time.Second}, true, "-workers", "2", "tree")
		if code != interrupted || !strings.HasPrefix(stdout, "PARTIAL RESULT") {
			t.Errorf("exit code %d, output\n%s\nwant 130 and a partial result", code, stdout)
		}
		// Each worker is in its third file.
		if files, words := total(stdout, "files"), total(stdout, "words"); files != "6" || words != "30" {
			t.Errorf("%s files with %s words, want the 6 with 30 that were begun", files, words)
		}
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("ended after %v, want the 3 s that the files in hand need", d)
		}
	})
}

func TestInterruptedBeforeTheStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, stdout, _ := runWith(ctx, manyFiles(2*backlog), false, "tree")
	if code != interrupted || !strings.HasPrefix(stdout, "PARTIAL RESULT") || total(stdout, "files") != "0" {
		t.Errorf("exit code %d, output\n%s\nwant 130 and an empty partial result", code, stdout)
	}
}

func TestInterruptWithNothingToPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		began := time.Now()
		code, _, _ := runWith(ctx, slowFolders{manyFiles(10)}, false, "-ext", ".none", "tree")
		if d := time.Since(began); code != interrupted || d != 3*time.Second {
			t.Errorf("exit code %d after %v, want 130 after the folder that was being read, 3 s", code, d)
		}
	})
}

// slowFolders needs a second to open a folder.
type slowFolders struct{ fs.FS }

func (s slowFolders) Open(name string) (fs.File, error) {
	if !strings.HasSuffix(name, ".go") && name != "." {
		time.Sleep(time.Second)
	}
	return s.FS.Open(name)
}

func TestThreadsThatDie(t *testing.T) {
	// The hook takes its time: a thread that panicked is not gone at once.
	defer thread.SetExceptHook(thread.SetExceptHook(func(*thread.Thread, *thread.PanicError) { time.Sleep(time.Second) }))
	for _, tt := range []struct {
		name, at string // what dies, and opening what
		die      func()
		want     string
	}{
		{"worker panics", ".go", func() { panic("out of luck") }, "worker-"},
		{"worker exits", ".go", runtime.Goexit, "worker-"},
		{"walker panics", "3", func() { panic("out of luck") }, "walker"},
		{"walker exits", "3", runtime.Goexit, "walker"},
	} {
		for _, workers := range []string{"1", "4"} {
			t.Run(tt.name+" of "+workers, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tree := deadlyFS{slowFS{manyFiles(4 * backlog), time.Second}, tt.at, tt.die}
					code, stdout, stderr := runWith(t.Context(), tree, true, "-workers", workers, "tree")
					if code != failed || stdout != "" {
						t.Errorf("exit code %d, output\n%s\nwant 1 and none", code, stdout)
					}
					oneLine(t, stderr[max(0, strings.LastIndex(stderr, "wordcount: ")):], tt.want)
				})
			})
		}
	}
}

func TestWalkEndsWhenAWorkerDied(t *testing.T) {
	defer thread.SetExceptHook(thread.SetExceptHook(func(*thread.Thread, *thread.PanicError) {}))
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		tree := deadlyFS{slowFolders{manyFiles(10)}, ".go", func() { panic("out of luck") }}
		code, _, _ := runWith(t.Context(), tree, false, "tree")
		// The first folder takes a second, and so may the one after it, until its file cannot be put.
		if d := time.Since(began); code != failed || d > 2*time.Second {
			t.Errorf("exit code %d after %v, want 1 after at most 2 s", code, d)
		}
	})
}

// deadlyFS lets whoever opens a name with a certain ending die.
type deadlyFS struct {
	fs.FS
	at  string
	die func()
}

func (d deadlyFS) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, d.at) {
		defer d.die()
	}
	return d.FS.Open(name)
}
