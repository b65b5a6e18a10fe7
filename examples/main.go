// Command examples lists the example programs in the folders beside it, with a sentence on each.
//
// The sentences are those that begin the programs' package comments. The sources are embedded and read, so that the
// list cannot be out of date.
package main

import (
	"embed"
	"fmt"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"
)

//go:embed */main.go
var sources embed.FS

// The exit codes.
const (
	done       = 0
	failed     = 1
	wrongUsage = 2
)

func main() { os.Exit(start(sources, os.Args[1:], os.Stdout, os.Stderr)) }

func start(sources fs.FS, args []string, stdout, stderr io.Writer) int {
	programs, err := list(sources)
	if err == nil && len(args) > 0 && !isHelp(args[0]) {
		fmt.Fprintf(stderr, "examples: %s\n", advice(programs, args[0]))
		return wrongUsage
	}
	if err == nil {
		err = write(stdout, programs)
	}
	if err != nil {
		fmt.Fprintf(stderr, "examples: %v\n", err)
		return failed
	}
	return done
}

func isHelp(arg string) bool {
	return arg == "-h" || arg == "-help" || arg == "--help"
}

// advice is for somebody who gave an argument.
func advice(programs []example, arg string) string {
	name := path.Base(strings.ReplaceAll(arg, `\`, "/")) // slots, ./slots and examples/slots are meant alike
	for _, p := range programs {
		if p.name == name {
			return "this only lists the programs; run this one with: go run ./examples/" + name
		}
	}
	return fmt.Sprintf("no program %q; without an argument this lists all", arg)
}

// An example is a program and what it does.
type example struct{ name, does string }

// list returns all programs, sorted by name.
func list(sources fs.FS) ([]example, error) {
	files, err := fs.Glob(sources, "*/main.go") // sorted
	if err != nil {
		return nil, err
	}
	var programs []example
	for _, file := range files {
		source, err := fs.ReadFile(sources, file)
		if err != nil {
			return nil, err
		}
		name := path.Dir(file)
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return nil, err
		}
		does := sentence(name, parsed.Doc.Text())
		if does == "" {
			return nil, fmt.Errorf("%s has no package comment", file)
		}
		programs = append(programs, example{name, does})
	}
	return programs, nil
}

// sentence is the first one of a package comment, without the words that every one begins with.
func sentence(name, comment string) string {
	does := strings.TrimPrefix(new(doc.Package).Synopsis(comment), "Command "+name+" ")
	if does == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(does)
	return string(unicode.ToUpper(first)) + does[size:]
}

func write(out io.Writer, programs []example) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, p := range programs {
		fmt.Fprintf(table, "%s\t%s\n", p.name, p.does)
	}
	fmt.Fprint(table, "\nRun one with: go run ./examples/NAME -fast\n",
		"With it fifty seconds pass in one, also in what they print; wordcount has no waits and no -fast.\n",
		"A program's other flags: go run ./examples/NAME -help\n")
	return table.Flush()
}
