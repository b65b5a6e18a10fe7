package main

import (
	"io"
	"io/fs"
	"unicode"
	"unicode/utf8"

	"github.com/gothreading/threading/lock"
)

// totals is what all workers add to, file by file.
type totals struct {
	lock   lock.Lock // guards what follows
	sums   sums
	counts map[string]*int
}

type sums struct {
	files, words, unreadable int
	bytes                    int64
}

// add merges the file that c has just counted. It hashes only words that are new to this worker and follows a
// pointer for the others, so the lock is held for a small part of the time that counting the file took.
func (t *totals) add(c *counter) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.sums.files++
	t.sums.words += c.words
	t.sums.bytes += c.bytes
	for _, w := range c.file {
		if w.total == nil {
			if w.total = t.counts[w.text]; w.total == nil {
				w.total = new(int)
				t.counts[w.text] = w.total
			}
		}
		*w.total += w.count
	}
}

func (t *totals) addUnreadable() {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.sums.unreadable++
}

func (t *totals) soFar() sums {
	t.lock.Lock()
	defer t.lock.Unlock()
	return t.sums
}

// A counter counts the words of one file at a time. Each worker has its own, and keeps the buffer and the words
// from file to file: after the first few files it hardly allocates.
type counter struct {
	buf   []byte
	known map[string]*word // every word met so far

	file  []*word // the words of the file in hand, each once
	words int     // how many words it has
	bytes int64
}

type word struct {
	text  string
	count int  // in the file in hand
	total *int // in totals; nil until the first merge
}

func newCounter(buffer int) *counter {
	return &counter{buf: make([]byte, buffer), known: make(map[string]*word)}
}

// countFile counts the file called name. What a failed one has left in c must not be merged.
func (c *counter) countFile(fsys fs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return c.count(f)
}

func (c *counter) count(r io.Reader) error {
	for _, w := range c.file {
		w.count = 0
	}
	c.file, c.words, c.bytes = c.file[:0], 0, 0

	rest := 0 // bytes at the start of buf that belong to a word not yet read to its end
	for {
		if rest == len(c.buf) {
			c.buf = append(c.buf, make([]byte, len(c.buf))...)
		}
		n, err := r.Read(c.buf[rest:])
		c.bytes += int64(n)
		data := c.buf[:rest+n]
		rest = copy(c.buf, data[c.scan(data, err == io.EOF):])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// scan counts the words in data and returns how many bytes it is done with. A run or a rune that data may cut off
// is left for the next call, unless data is the last of the file.
func (c *counter) scan(data []byte, last bool) int {
	run := 0 // where the current run of word characters, perhaps an empty one, begins
	for i := 0; i < len(data); {
		inWord, size := ascii[data[i]], 1
		if data[i] >= utf8.RuneSelf {
			if !last && !utf8.FullRune(data[i:]) {
				return run
			}
			var r rune
			r, size = utf8.DecodeRune(data[i:])
			inWord = isWordRune(r)
		}
		if !inWord {
			c.add(data[run:i])
			run = i + size
		}
		i += size
	}
	if !last {
		return run
	}
	c.add(data[run:])
	return len(data)
}

// add counts a run of word characters if it is a word: not empty, and not a number such as 0x1F.
func (c *counter) add(run []byte) {
	if len(run) == 0 {
		return
	}
	if first, _ := utf8.DecodeRune(run); unicode.IsDigit(first) {
		return
	}
	w := c.known[string(run)] // the compiler makes no string for a look-up
	if w == nil {
		w = &word{text: string(run)}
		c.known[w.text] = w
	}
	if w.count == 0 {
		c.file = append(c.file, w)
	}
	w.count++
	c.words++
}

func isWordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// ascii is isWordRune for the bytes that are a rune by themselves.
var ascii = func() (table [256]bool) {
	for r := range rune(utf8.RuneSelf) {
		table[r] = isWordRune(r)
	}
	return
}()
