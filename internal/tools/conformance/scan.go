package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A place is a Go test.
type place struct {
	file string // from the root, with slashes
	test string // the function
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.file, q.file), cmp.Compare(p.test, q.test))
}

// scan parses the test files under root that an ordinary build has, but not those of other modules and of folders that the
// go command passes over.
func (s *suite) scan(root string) error {
	packages := map[string]*testPackage{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			base := d.Name()
			if rel != "." && (base[0] == '.' || base[0] == '_' || base == "testdata") {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(name, "go.mod")); rel != "." && err == nil {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		if built, err := build.Default.MatchFile(filepath.Split(name)); err != nil || !built {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		key := path.Dir(rel) + " " + file.Name.Name
		p := packages[key]
		if p == nil {
			p = &testPackage{declared: map[string]*declared{}}
			packages[key] = p
		}
		p.add(fset, rel, file)
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(func(yield func(string) bool) {
		for key := range packages {
			if !yield(key) {
				return
			}
		}
	}) {
		s.collect(packages[key])
	}
	for id := range s.found {
		slices.SortFunc(s.found[id], place.compare)
		s.found[id] = slices.Compact(s.found[id])
	}
	return nil
}

// A testPackage is what the test files of a package declare.
type testPackage struct {
	declared map[string]*declared // by name
}

// A declared is a function or variable of a package: the ids in it and the other names that it mentions.
type declared struct {
	file     string
	name     string
	test     bool
	ids      []foundID
	mentions map[string]bool
}

type foundID struct {
	namedID
	at string // file and line
}

var (
	testFunc   = regexp.MustCompile(`^Test([A-Z]\w*)?$`)
	testWithID = regexp.MustCompile(`^Test([A-Z]{1,2}\d{2,3})(?:[A-Z]\w*)?$`)
)

func (p *testPackage) add(fset *token.FileSet, rel string, file *ast.File) {
	add := func(name string, node ast.Node) *declared {
		d := p.declared[name] // methods of one name are taken together
		if d == nil {
			d = &declared{file: rel, name: name, mentions: map[string]bool{}}
			p.declared[name] = d
		}
		d.read(fset, rel, node)
		return d
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			name := decl.Name.Name
			d := add(name, decl)
			if decl.Recv == nil && testFunc.MatchString(name) && name != "TestMain" {
				d.test = true
				if m := testWithID.FindStringSubmatch(name); m != nil {
					d.ids = append(d.ids, foundID{namedID{id: m[1]}, where(fset, rel, decl.Pos())})
				}
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					for _, name := range v.Names {
						add(name.Name, v)
					}
				}
			}
		}
	}
}

func where(fset *token.FileSet, rel string, pos token.Pos) string {
	return fmt.Sprintf("%s:%d", rel, fset.Position(pos).Line)
}

// runsSubtests reports whether a call may run a subtest: of Run, of a function of the package itself, or of another
// package's that is given t.
func runsSubtests(call *ast.CallExpr) bool {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return true
	case *ast.SelectorExpr:
		if fun.Sel.Name == "Run" {
			return true
		}
		if len(call.Args) > 0 {
			t, ok := call.Args[0].(*ast.Ident)
			return ok && t.Name == "t"
		}
	}
	return false
}

// read notes the names that a node mentions, and the ids in strings that may be the name of a subtest: those in calls
// that may run one, and those in a table.
func (d *declared) read(fset *token.FileSet, rel string, node ast.Node) {
	name := func(e ast.Expr) {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return
		}
		text, err := strconv.Unquote(lit.Value)
		if err != nil {
			return
		}
		for _, id := range ids(text) {
			d.ids = append(d.ids, foundID{id, where(fset, rel, lit.Pos())})
		}
	}
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			d.mentions[n.Name] = true
		case *ast.CallExpr:
			if !runsSubtests(n) {
				return true
			}
			for _, arg := range n.Args {
				name(arg)
			}
		case *ast.CompositeLit:
			for _, e := range n.Elts {
				if pair, ok := e.(*ast.KeyValueExpr); ok {
					name(pair.Key)
					e = pair.Value
				}
				name(e)
			}
		}
		return true
	})
}

// collect takes what a package has: an id belongs to the test it is in, or to each that reaches the function or the
// table it is in.
func (s *suite) collect(p *testPackage) {
	reached := map[string][]place{} // by name of what is declared
	for _, d := range p.declared {
		if !d.test {
			continue
		}
		at := place{d.file, d.name}
		key := path.Dir(d.file) + "." + d.name
		s.tests[key] = append(s.tests[key], at)
		seen := map[string]bool{d.name: true}
		for queue := []string{d.name}; len(queue) > 0; queue = queue[1:] {
			next := p.declared[queue[0]]
			reached[next.name] = append(reached[next.name], at)
			for name := range next.mentions {
				// What another test does when it is called, as a subtest, is its own.
				if other := p.declared[name]; other != nil && !other.test && !seen[name] {
					seen[name] = true
					queue = append(queue, name)
				}
			}
		}
	}
	for _, name := range sortedKeys(p.declared) {
		d := p.declared[name]
		for _, id := range d.ids {
			c := s.lookup(id.id)
			switch {
			case c == nil:
				s.problems = append(s.problems, fmt.Sprintf("%s: there is no case %s", id.at, id.id))
			case id.name != "" && id.name != c.name:
				s.problems = append(s.problems, fmt.Sprintf("%s: %s is %s, not %s", id.at, id.id, c.name, id.name))
			case len(reached[name]) == 0:
				s.problems = append(s.problems, fmt.Sprintf("%s: %s is named, but no test comes to it", id.at, id.id))
			default:
				s.found[id.id] = append(s.found[id.id], reached[name]...)
			}
		}
	}
}

func sortedKeys[V any](m map[string]V) (keys []string) {
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
