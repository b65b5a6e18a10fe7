// Tables turns the tables of docs/porting.md into the file that the scanner reads:
// go generate ./... in this module.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
)

// A row is one of a table that says what a name of Python is called in Go.
type row struct {
	Section     string `json:"section"`
	Python      string `json:"python"`
	Go          string `json:"go"`
	Differences string `json:"differences,omitempty"`
}

func main() {
	out := flag.String("o", "", "the file to write")
	flag.Parse()
	if err := run(flag.Arg(0), *out); err != nil {
		fmt.Fprintln(os.Stderr, "tables:", err)
		os.Exit(1)
	}
}

func run(page, out string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	written, err := encode(rows(string(text)))
	if err != nil {
		return err
	}
	return os.WriteFile(out, written, 0o644)
}

// encode writes a row a line, so that a change of the page is as small a change here.
func encode(rows []row) ([]byte, error) {
	var b strings.Builder
	b.WriteString("[\n")
	for i, r := range rows {
		if i > 0 {
			b.WriteString(",\n")
		}
		var one strings.Builder
		e := json.NewEncoder(&one)
		e.SetEscapeHTML(false)
		if err := e.Encode(r); err != nil {
			return nil, err
		}
		b.WriteString(strings.TrimSuffix(one.String(), "\n"))
	}
	b.WriteString("\n]\n")
	return []byte(b.String()), nil
}

// rows returns the rows of all tables whose first columns are Python and Go.
func rows(page string) (all []row) {
	var section string
	var header []string
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			section = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
		if !strings.HasPrefix(line, "|") {
			header = nil
			continue
		}
		switch c := cells(line); {
		case header == nil:
			header = c
		case strings.Trim(line, "|-: ") == "":
		case len(header) >= 2 && header[0] == "Python" && header[1] == "Go" && len(c) >= 2:
			r := row{Section: section, Python: c[0], Go: c[1]}
			if len(c) > 2 {
				r.Differences = c[2]
			}
			all = append(all, r)
		}
	}
	return all
}

func cells(line string) (cells []string) {
	line = strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|")
	line = strings.ReplaceAll(line, `\|`, "\x00")
	for cell := range strings.SplitSeq(line, "|") {
		cells = append(cells, strings.ReplaceAll(strings.TrimSpace(cell), "\x00", "|"))
	}
	return cells
}
