package main

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// The folder has a file for each part of the table; they are read in the order
// of their names. Their form is explained in cases/README.md.
//
//go:embed cases/*.txt
var caseFiles embed.FS

// A section is a file of somebody's tests, or a heading of our own.
type section struct {
	name   string
	source string // the folder of the file, or "": CPython's Lib/test
	about  string
	cases  []*testCase
}

// file reports whether the section is a file of Python tests.
func (s *section) file() bool { return strings.HasSuffix(s.name, ".py") }

// A testCase is one of those tests, or something else that a toolkit like this should show.
type testCase struct {
	id    string
	mark  byte // A, M, P or N, see cases/README.md
	class string
	name  string
	note  string
	shown []string // package.TestName
}

// applies reports whether a Go test must name or show it.
func (c *testCase) applies() bool { return c.mark == 'A' || c.mark == 'M' }

var (
	caseLine = regexp.MustCompile(`^([A-Z]{1,2}\d{2,3}) ([AMPN]) ([^|]+?)(?: \| (.+?))?(?: => (.+))?$`)
	sentence = regexp.MustCompile("^[A-Z0-9`].*\\.$")
)

// readCases reads all files of cases.
func readCases() (sections []*section, err error) {
	entries, err := fs.ReadDir(caseFiles, "cases")
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, entry := range entries {
		text, err := fs.ReadFile(caseFiles, "cases/"+entry.Name())
		if err != nil {
			return nil, err
		}
		more, err := parseCases(entry.Name(), string(text), seen)
		if err != nil {
			return nil, err
		}
		sections = append(sections, more...)
	}
	return sections, nil
}

// parseCases reads the text of one file. The ids of the cases are added to seen.
func parseCases(file, text string, seen map[string]bool) (sections []*section, err error) {
	class, all := "", ""
	var present []string
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		bad := func(what string) error { return fmt.Errorf("%s:%d: %s: %s", file, i+1, what, line) }
		if name, ok := strings.CutPrefix(line, "== "); ok {
			sections = append(sections, &section{name: name})
			class = ""
			continue
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if ranges, ok := strings.CutPrefix(line, "all "); ok {
			all = ranges
			continue
		}
		if len(sections) == 0 {
			return nil, bad("no section yet")
		}
		s := sections[len(sections)-1]
		if about, ok := strings.CutPrefix(line, "> "); ok {
			s.about = about
			continue
		}
		if source, ok := strings.CutPrefix(line, "@ "); ok {
			s.source = source
			continue
		}
		if name, ok := strings.CutPrefix(line, "-- "); ok {
			class = name
			continue
		}
		m := caseLine.FindStringSubmatch(line)
		if m == nil {
			return nil, bad("this is no case")
		}
		c := &testCase{id: m[1], mark: m[2][0], class: class, name: m[3], note: m[4]}
		if m[5] != "" {
			c.shown = strings.Split(m[5], ", ")
		}
		switch {
		case seen[c.id]:
			return nil, bad("this id was there before")
		case c.mark != 'A' && c.note == "":
			return nil, bad("a note is missing")
		case c.note != "" && !sentence.MatchString(c.note):
			return nil, bad("the note is no sentence")
		case s.file() && (c.class == "" || !strings.HasPrefix(c.name, "test")):
			return nil, bad("a test of Python has a class, and a name that begins with test")
		}
		seen[c.id] = true
		present = append(present, c.id)
		s.cases = append(s.cases, c)
	}
	if all != "" && !slices.Equal(present, expand(all)) {
		return nil, fmt.Errorf("%s has not all it says, in order: %s; it has %v", file, all, present)
	}
	return sections, nil
}

// expand returns the ids of ranges such as "L01-L26 P152".
func expand(ranges string) (all []string) {
	for _, r := range strings.Fields(ranges) {
		for _, id := range ids(r) {
			all = append(all, id.id)
		}
	}
	return all
}

// ids returns what a string that begins like the name of a test names: "L02 test_repr and L03 test_locked_repr" two ids
// with the names, "F85-F100 test_deadlock" sixteen without.
func ids(s string) (named []namedID) {
	for i, part := range strings.Split(s, " and ") {
		if m := rangeOfIDs.FindStringSubmatch(part); m != nil && m[1] == m[3] {
			for n, to := number(m[2]), number(m[4]); n <= to; n++ {
				named = append(named, namedID{id: fmt.Sprintf("%s%0*d", m[1], len(m[2]), n)})
			}
			continue
		}
		m := oneID.FindStringSubmatch(part)
		if m == nil {
			if i == 0 {
				return nil
			}
			continue
		}
		named = append(named, namedID{m[1], m[2]})
	}
	return named
}

// A namedID is an id, and CPython's name if that follows it.
type namedID struct{ id, name string }

var (
	oneID      = regexp.MustCompile(`^([A-Z]{1,2}\d{2,3})(?:$|:? (?:\w+\.)?(test_\w+)?)`)
	rangeOfIDs = regexp.MustCompile(`^([A-Z]{1,2})(\d{2,3})-([A-Z]{1,2})(\d{2,3})\b`)
)

func number(digits string) (n int) {
	for _, d := range digits {
		n = 10*n + int(d-'0')
	}
	return n
}

// A suite is the cases and the Go tests.
type suite struct {
	sections []*section
	found    map[string][]place // by id
	problems []string           // of what was found
	tests    map[string][]place // by package.TestName
}

func readSuite(root string) (*suite, error) {
	sections, err := readCases()
	if err != nil {
		return nil, err
	}
	s := &suite{sections: sections, found: map[string][]place{}, tests: map[string][]place{}}
	if err := s.scan(root); err != nil {
		return nil, err
	}
	return s, nil
}

// places returns the Go tests of a case, each once, by file.
func (s *suite) places(c *testCase) []place {
	all := slices.Clone(s.found[c.id])
	for _, name := range c.shown {
		all = append(all, s.tests[name]...)
	}
	slices.SortFunc(all, place.compare)
	return slices.Compact(all)
}

// lacking returns the cases that apply and have no Go test.
func (s *suite) lacking() (problems []string) {
	for _, sec := range s.sections {
		for _, c := range sec.cases {
			if c.applies() && len(s.places(c)) == 0 {
				problems = append(problems, fmt.Sprintf("%s %s applies (%c), and no Go test names it", c.id, c.name, c.mark))
			}
			for _, name := range c.shown {
				if len(s.tests[name]) == 0 {
					problems = append(problems, fmt.Sprintf("%s is shown by %s, which there is not", c.id, name))
				}
			}
		}
	}
	return problems
}

// strays returns the Go tests that name a case which there is not, or by a wrong name.
func (s *suite) strays() []string { return s.problems }

// lookup returns the case of an id, or nil.
func (s *suite) lookup(id string) *testCase {
	for _, sec := range s.sections {
		for _, c := range sec.cases {
			if c.id == id {
				return c
			}
		}
	}
	return nil
}
