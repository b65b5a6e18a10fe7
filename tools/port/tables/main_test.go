package main

import (
	"os"
	"reflect"
	"testing"
)

func TestTheTableIsThatOfThePage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/porting.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := encode(rows(string(page)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../threadingport/table.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("docs/porting.md has changed: run go generate ./... in tools/port")
	}
}

func TestRowsAreThoseOfTablesOfPythonAndGo(t *testing.T) {
	got := rows("# Page\n## A\n| Python | Go | differences |\n|---|---|---|\n| `a(b=1)` | `x\\|y` | both |\n| `c` | none |\n" +
		"\ntext\n\n| Python module | Go |\n|---|---|\n| `m` | `n` |\n### B: c\n| Python | Go |\n|---|---|\n| `d` | `e` |\n")
	want := []row{{"A", "`a(b=1)`", "`x|y`", "both"}, {"A", "`c`", "none", ""}, {"B: c", "`d`", "`e`", ""}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}
