package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../../.."

func theSuite(t *testing.T) *suite {
	t.Helper()
	s, err := readSuite(root)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheTableIsUpToDate(t *testing.T) {
	want := theSuite(t).markdown()
	got, err := os.ReadFile(filepath.Join(root, table))
	if err != nil {
		t.Fatal(err)
	}
	got = bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n"))
	if bytes.Equal(got, want) {
		return
	}
	wantLines, gotLines := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
	for i, line := range wantLines {
		if i >= len(gotLines) || gotLines[i] != line {
			t.Fatalf("%s is stale: run go -C internal/tools generate ./...\nline %d should be\n%s", table, i+1, line)
		}
	}
	t.Fatalf("%s is stale: run go -C internal/tools generate ./...\nit has %d lines, and should have %d", table, len(gotLines), len(wantLines))
}

func TestEveryCaseThatAppliesHasAGoTest(t *testing.T) {
	for _, problem := range theSuite(t).lacking() {
		t.Error(problem)
	}
}

func TestEveryGoTestNamesACaseThatThereIs(t *testing.T) {
	for _, problem := range theSuite(t).strays() {
		t.Error(problem)
	}
}

func TestALineThatIsNoCaseIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"L01 A test_a": "no section yet",
		"== x.py\n-- C\nL01 A test_a\nL01 A test_b": "this id was there before",
		"== x.py\n-- C\nL01 M test_a":               "a note is missing",
		"== x.py\n-- C\nL01 N test_a":               "a note is missing",
		"== x.py\n-- C\nL01 P test_a | no sentence": "the note is no sentence",
		"== x.py\n-- C\nL01 Z test_a":               "this is no case",
		"== x.py\n-- C\nL1 A test_a":                "this is no case",
		"== x.py\nL01 A test_a":                     "has a class",
		"== x.py\n-- C\nL01 A a":                    "has a class",
		"all L01-L02\n== x.py\n-- C\nL01 A test_a":  "has not all it says",
		"all L01-L02 T01\n== x.py\n-- C\nL01 A test_a\nL02 A test_b\nT01 A test_c\nT02 A test_d": "has not all it says",
		"== other\nL01 A a | Note. => pool.TestA, b.TestB":                                       "",
	} {
		sections, err := parseCases("cases", text, map[string]bool{})
		if want == "" {
			if c := sections[0].cases[0]; err != nil || c.name != "a" || c.note != "Note." || len(c.shown) != 2 {
				t.Errorf("%q: %+v, %v", text, c, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestWhatANameOfATestNames(t *testing.T) {
	for text, want := range map[string]string{
		"L01 test_a":                         "[{L01 test_a}]",
		"L02 test_b and L03 test_c":          "[{L02 test_b} {L03 test_c}]",
		"X06 and W12 the time of a newcomer": "[{X06 } {W12 }]",
		"L01-L02 test_a and L05-L06 test_c":  "[{L01 } {L02 } {L05 } {L06 }]",
		"W12 this and that":                  "[{W12 }]",
		"T06":                                "[{T06 }]",
		"T06: words":                         "[{T06 }]",
		"F46 Mixin.test_a of Mixin":          "[{F46 test_a}]",
		"F99-F101 test_deadlock":             "[{F99 } {F100 } {F101 }]",
		"words and L01 test_a":               "[]",
		"L1 test_a":                          "[]",
		"L01x":                               "[]",
		"UTF16 text":                         "[]",
		"":                                   "[]",
	} {
		if got := fmt.Sprint(ids(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// What is found where, in a tree of our own.
func TestScan(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a/a_test.go": `package a_test
func TestOne(t *testing.T) {
	t.Run("L01 test_a", nil)
	helper("L02 test_b")
	t.Errorf("L03 test_c")
	other.Bubble(t, "L12 test_l", nil)
	table(t)
}
func table(t *testing.T) {
	for _, c := range []struct{ name string }{{"L04 test_d"}, {name: "L05 test_e"}} {
		t.Run(c.name, nil)
	}
	for name := range map[string]int{"L06 test_f": 1} {
		t.Run(choose(true, name, "L07 test_g"), nil)
	}
	for _, c := range cases {
		t.Run(c, nil)
	}
}
var cases = []string{"L08 test_h"}
func TestL09Two(t *testing.T) { t.Run("words", TestOne) }
func unreached(t *testing.T) { t.Run("L10 test_j", nil) }
func TestThree(t *testing.T) { t.Run("L11 test_a", nil); t.Run("L99 test_z", nil) }
`,
		"a/b_test.go":          "//go:build ignore\n\npackage a_test\nfunc TestX(t *testing.T) { t.Run(\"L98 no\", nil) }\n",
		"a/c.go":               "package a\nfunc f() { run(\"L97 no\") }\n",
		"a/testdata/d_test.go": "no Go",
		"other/go.mod":         "module other\n",
		"other/e_test.go":      "no Go",
		"_old/f_test.go":       "no Go",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text := "== x.py\n-- C\n"
	for i := range 12 {
		text += fmt.Sprintf("L%02d A test_%c\n", i+1, 'a'+i)
	}
	text += "== y\nL13 A shown => a.TestThree\nL14 A shown => a.TestGone\nL15 N not | Why.\nL16 M changed | How.\n"
	sections, err := parseCases("cases", text, map[string]bool{})
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{sections: sections, found: map[string][]place{}, tests: map[string][]place{}}
	if err := s.scan(dir); err != nil {
		t.Fatal(err)
	}
	one := []place{{"a/a_test.go", "TestOne"}}
	for id, want := range map[string][]place{
		"L01": one, "L02": one, "L03": nil, "L04": one, "L05": one, "L06": one, "L07": one, "L08": one,
		"L09": {{"a/a_test.go", "TestL09Two"}}, "L10": nil, "L11": nil, "L12": one,
		"L13": {{"a/a_test.go", "TestThree"}}, "L14": nil, "L15": nil,
	} {
		if got := s.places(s.lookup(id)); !slices.Equal(got, want) {
			t.Errorf("%s is in %v, want %v", id, got, want)
		}
	}
	if got, want := fmt.Sprintf("%q", s.strays()), `["a/a_test.go:23: L11 is test_k, not test_a"`+
		` "a/a_test.go:23: there is no case L99" "a/a_test.go:22: L10 is named, but no test comes to it"]`; got != want {
		t.Errorf("strays:\n%s\nwant\n%s", got, want)
	}
	if got, want := strings.Join(s.lacking(), "\n"), `L03 test_c applies (A), and no Go test names it
L10 test_j applies (A), and no Go test names it
L11 test_k applies (A), and no Go test names it
L14 shown applies (A), and no Go test names it
L14 is shown by a.TestGone, which there is not
L16 changed applies (M), and no Go test names it`; got != want {
		t.Errorf("lacking:\n%s\nwant\n%s", got, want)
	}
	for _, want := range []string{
		"16 cases: 10 pass, 0 adapted, 1 not applicable, 5 **without a test**.",
		"- `TestOne` in [a]: L01 L02 L04-L08 L12", "- a test of its name in [a]: L09", "- L03 L10 L11",
		"- L13 shown: `TestThree` in [a].", "- L15 not: *not applicable.* Why.", "- L16 changed: **no test.** How.",
		"[a]: ../a",
	} {
		if !strings.Contains(string(s.markdown()), want+"\n") {
			t.Errorf("%s is missing in\n%s", want, s.markdown())
		}
	}
}
