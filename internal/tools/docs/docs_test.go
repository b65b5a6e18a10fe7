// Package docs_test checks the Markdown files of this repository: their Go blocks build, their Python blocks parse,
// what they link to and name exists, and porting.md has every name of the Python modules that it answers.
package docs_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const module = "github.com/gothreading/threading"

// A document is a Markdown file of the repository.
type document struct {
	path   string // from the root, with slashes
	lines  []string
	prose  []string // the lines, those of fenced blocks empty
	blocks []block
}

// A block is fenced.
type block struct {
	doc      *document
	line     int // of the first line in it, from 1
	language string
	text     string
	given    string // what the comment before it declares, see givenComment
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.doc.path, b.line) }

// An HTML comment in the line before a block declares what the block uses and does not show, in Go.
var givenComment = regexp.MustCompile(`^<!-- given: (.*) -->$`)

var fence = regexp.MustCompile("^( {0,3})(```+|~~~+)\\s*(\\S*).*$")

func parseDocument(name, text string) (*document, error) {
	d := &document{path: name, lines: strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")}
	var open []string // of the fence that is open
	var current block
	for i, line := range d.lines {
		m := fence.FindStringSubmatch(line)
		switch {
		case open == nil && m != nil:
			open = m
			current = block{doc: d, line: i + 2, language: m[3]}
			if i > 0 {
				if given := givenComment.FindStringSubmatch(d.lines[i-1]); given != nil {
					current.given = given[1]
				}
			}
		case open != nil && m != nil && m[3] == "" && strings.HasPrefix(m[2], open[2]):
			d.blocks = append(d.blocks, current)
			open = nil
		case open != nil:
			current.text += strings.TrimPrefix(line, open[1]) + "\n"
		}
		if open != nil || m != nil {
			line = ""
		}
		d.prose = append(d.prose, line)
	}
	if open != nil {
		return nil, fmt.Errorf("%s:%d: the block does not end", name, current.line)
	}
	return d, nil
}

// A tree is what is known about the repository.
type tree struct {
	docs      []*document
	files     map[string]bool            // from the root, with slashes
	dirs      map[string]bool            // likewise
	tests     map[string][]string        // in which files a test, example, benchmark or fuzz test of a name is
	exported  map[string]map[string]bool // what each package exports, by the package's folder
	methods   map[string]bool            // names of exported methods and fields anywhere
	goSources map[string]string          // the text of the test files
}

var repository = sync.OnceValues(func() (*tree, error) {
	t := &tree{
		files: map[string]bool{}, dirs: map[string]bool{}, tests: map[string][]string{},
		exported: map[string]map[string]bool{}, methods: map[string]bool{}, goSources: map[string]string{},
	}
	root := os.DirFS("../../..")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.IsDir():
			t.dirs[name] = true
			return nil
		}
		t.files[name] = true
		if ext := path.Ext(name); ext != ".go" && ext != ".md" {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if path.Ext(name) == ".md" {
			d, err := parseDocument(name, string(text))
			if err != nil {
				return err
			}
			t.docs = append(t.docs, d)
			return nil
		}
		return t.readGo(name, text)
	})
	return t, err
})

func theTree(t *testing.T) *tree {
	t.Helper()
	r, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	if len(r.docs) < 2 {
		t.Fatalf("found %d Markdown files", len(r.docs))
	}
	return r
}

func (t *tree) readGo(name string, text []byte) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	isTest := strings.HasSuffix(name, "_test.go")
	if isTest {
		t.goSources[name] = string(text)
	}
	dir := path.Dir(name)
	if t.exported[dir] == nil {
		t.exported[dir] = map[string]bool{}
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			switch {
			case isTest && decl.Recv == nil && testName.MatchString(decl.Name.Name):
				t.tests[decl.Name.Name] = append(t.tests[decl.Name.Name], name)
			case isTest:
			case decl.Recv != nil:
				t.methods[decl.Name.Name] = true
			default:
				t.exported[dir][decl.Name.Name] = true
			}
		case *ast.GenDecl:
			if !isTest {
				t.readSpecs(dir, decl)
			}
		}
	}
	return nil
}

func (t *tree) readSpecs(dir string, decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				t.exported[dir][name.Name] = true
			}
		case *ast.TypeSpec:
			t.exported[dir][spec.Name.Name] = true
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range s.Fields.List {
					for _, name := range field.Names {
						t.methods[name.Name] = true
					}
				}
			}
		}
	}
}

// Go blocks.

// placeholders are what fragments may use without declaring it. A block that needs something else declares it in a
// comment: <!-- given: var n int; func f(int) error -->
var placeholders = map[string]string{
	"errBusy":       `var errBusy = errors.New("busy")`,
	"ctx":           `var ctx context.Context`,
	"d":             `var d time.Duration`,
	"work":          `func work()`,
	"handle":        `func handle(item any)`,
	"l":             `var l lock.Lock`,
	"q":             `var q queue.Queue[int]`,
	"p":             `var p *pool.Pool`,
	"r":             `var r *pool.Result[int]`,
	"results":       `var results []*pool.Result[string]`,
	"url":           `var url string`,
	"urls":          `var urls []string`,
	"items":         `var items []int`,
	"numbers":       `var numbers []int`,
	"seconds":       `var seconds float64`,
	"deadline":      `var deadline time.Time`,
	"fetch":         `func fetch(ctx context.Context, url string) (string, error)`,
	"fetchRetrying": `func fetchRetrying(ctx context.Context, url string, retries int) (string, error)`,
	"load":          `func load() error`,
	"square":        `func square(n int) int`,
	"fileSize":      `func fileSize(name string) (int64, error)`,
	"names":         `var names []string`,
	"conn":          `type conn struct{}`,
	"connect":       `func connect() *conn`,
	"database":      `type database struct{}`,
	"openDatabase":  `func openDatabase(file string) (*database, error)`,
	"expired":       `func expired()`,
	"compute":       `func compute(part, phase int)`,
	"home":          `const home = "https://example.org"`,
	"network":       "type network struct{}\nfunc (*network) get(url string) ([]string, error)",
	"crawler": "type crawler struct {\n todo queue.Queue[string]\n guard lock.Lock\n" +
		"links map[string][]string\n}\nfunc (*crawler) run()",
	"asked": `var asked map[string]int`,
}

// In some documents they are others.
var placeholdersOf = map[string]map[string]string{
	"README.md":    {"fetch": fetchPage},
	"README.zh.md": {"fetch": fetchPage},
	"docs/choosing.md": {
		"fetch": `func fetch(ctx context.Context, name string) (int, error)`,
		"job":   `type job struct{ priority int }`,
		"t":     `var t *testing.T`,
	},
}

const fetchPage = `type Page string; func fetch(context.Context) (Page, error)`

var standard = strings.Fields(`bufio bytes cmp context errors fmt io iter log maps math net os slices sort strconv
	strings sync time math/rand/v2 net/http os/exec os/signal runtime runtime/debug runtime/pprof sync/atomic
	syscall testing testing/synctest`)

var packages = strings.Fields("lock rlock rwlock semaphore event condition barrier waitgroup timer sched thread queue pool coroutine greenlet socketserver selectors process manager diagnose")

// imports returns the path for each name by which a fragment may use a package.
func imports() map[string]string {
	m := map[string]string{
		"threading":    module,
		"goleak":       "go.uber.org/goleak",
		"diagnosehttp": module + "/diagnose/diagnosehttp",
		"errgroup":     "golang.org/x/sync/errgroup",
		"rand":         "math/rand/v2",
	}
	for _, p := range standard {
		if path.Base(p) != "v2" {
			m[path.Base(p)] = p
		}
	}
	for _, p := range packages {
		m[p] = module + "/" + p
	}
	return m
}

// topLevel begins what cannot stand in a function, or what nobody would put there.
var topLevel = regexp.MustCompile(`^(func [\w(]|type |import )`)

// split tells the declarations of a fragment from its statements. A declaration that begins at the left margin lasts
// to the line that ends it at the left margin. Where there are functions and no other statements than variables, those
// belong to the package too.
func split(text string) (declarations, statements string) {
	var inside bool
	var closing string
	onlyVars := true
	var depth int
	for line := range strings.Lines(text) {
		bare := strings.TrimRight(line, " \n")
		switch {
		case inside:
			declarations += line
			inside = !strings.HasPrefix(bare, closing)
			continue
		case topLevel.MatchString(bare):
			declarations += line
			code, _, _ := strings.Cut(bare, " //")
			switch {
			case strings.HasSuffix(code, "("):
				inside, closing = true, ")"
			case strings.HasSuffix(code, "{"):
				inside, closing = true, "}"
			}
			continue
		}
		margin := bare != "" && !unicode.IsSpace(rune(bare[0])) && !strings.HasPrefix(bare, "//")
		if margin && depth == 0 && !strings.HasPrefix(bare, "var ") && !strings.HasPrefix(bare, "const ") {
			onlyVars = false
		}
		if margin {
			depth = 0
			if strings.HasSuffix(bare, "(") || strings.HasSuffix(bare, "{") {
				depth = 1
			}
			if bare == ")" || bare == "}" {
				depth = 0
			}
		}
		statements += line
	}
	if onlyVars {
		return declarations + statements, ""
	}
	return declarations, statements
}

// goFile makes a file of a Go block: a fragment's statements become a function, and what it uses without declaring it
// is imported or declared.
func goFile(b block, name string) (string, error) {
	if file, err := parser.ParseFile(token.NewFileSet(), "", b.text, parser.PackageClauseOnly); err == nil {
		return strings.Replace(b.text, "package "+file.Name.Name, "package "+name, 1), nil
	}
	declarations, statements := split(b.text)
	// The block's own imports come first, so that the declarations may follow them.
	head, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+declarations, parser.ImportsOnly)
	if err != nil {
		return "", err
	}
	own := map[string]bool{}
	var importLines []string
	for _, spec := range head.Imports {
		line := spec.Path.Value
		p, _ := strconv.Unquote(line)
		own[path.Base(p)] = true
		if spec.Name != nil {
			own[spec.Name.Name] = true
			line = spec.Name.Name + " " + line
		}
		importLines = append(importLines, "import "+line)
	}
	declarations = withoutImports(declarations)

	var body string
	if statements != "" {
		function, err := wrap(statements)
		if err != nil {
			return "", err
		}
		body = function
	}
	text := declarations + body
	if b.given != "" {
		text += "\n" + declare(b.given)
	}
	known := imports()
	needed := map[string]bool{}
	for range 10 { // a placeholder may need others
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, 0)
		if err != nil {
			return "", err
		}
		qualifiers := map[*ast.Ident]bool{}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok {
					qualifiers[x] = true
				}
			}
			return true
		})
		var added bool
		for _, ident := range file.Unresolved {
			n := ident.Name
			declaration := cmp.Or(placeholdersOf[b.doc.path][n], placeholders[n])
			_, isPackage := known[n]
			switch {
			case own[n] || needed[n] || types.Universe.Lookup(n) != nil:
			case qualifiers[ident] && isPackage:
				needed[n] = true
				importLines = append(importLines, "import "+strconv.Quote(known[n]))
			case declaration != "":
				if !needed["placeholder "+n] {
					needed["placeholder "+n], added = true, true
					text += "\n" + declare(declaration)
				}
			default:
				return "", fmt.Errorf("%s is not declared: declare it in the block, in a comment "+
					"<!-- given: ... --> before it, or among the placeholders of docs_test.go", n)
			}
		}
		if !added {
			break
		}
	}
	return "package " + name + "\n\n" + strings.Join(importLines, "\n") + "\n\n" + text, nil
}

// declare gives the functions of a placeholder a body.
func declare(text string) string {
	var out strings.Builder
	for _, line := range strings.Split(strings.ReplaceAll(text, "; ", "\n"), "\n") {
		if strings.HasPrefix(line, "func ") && !strings.HasSuffix(line, "}") {
			line += ` { panic("a placeholder") }`
		}
		out.WriteString(line + "\n")
	}
	return out.String()
}

var importBlock = regexp.MustCompile(`(?m)^import (\((?s:.*?)^\)|[^(\n]*)\n`)

func withoutImports(declarations string) string {
	return importBlock.ReplaceAllString(declarations, "")
}

// wrap makes a function of statements. It returns what the statements return, and uses every variable.
func wrap(statements string) (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc _() {\n"+statements+"\n}", 0)
	if err != nil {
		return "", err
	}
	function := file.Decls[0].(*ast.FuncDecl)
	var declared []string
	declare := func(e ast.Expr) {
		if ident, ok := e.(*ast.Ident); ok && ident.Name != "_" && !slices.Contains(declared, ident.Name) {
			declared = append(declared, ident.Name)
		}
	}
	for _, s := range function.Body.List {
		switch s := s.(type) {
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				for _, e := range s.Lhs {
					declare(e)
				}
			}
		case *ast.DeclStmt:
			if d := s.Decl.(*ast.GenDecl); d.Tok == token.VAR {
				for _, spec := range d.Specs {
					for _, e := range spec.(*ast.ValueSpec).Names {
						declare(e)
					}
				}
			}
		}
	}
	result, end := "", ""
	ast.Inspect(function.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			switch len(n.Results) {
			case 1:
				result, end = "error", "return nil\n"
			case 2:
				result, end = "(any, error)", "return nil, nil\n"
			}
		}
		return true
	})
	var use strings.Builder
	for _, name := range declared {
		fmt.Fprintf(&use, "_ = &%s\n", name) // the address, because what holds a lock must not be copied
	}
	return "\nfunc _() " + result + " {\n" + statements + use.String() + end + "}\n", nil
}

func goTool(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOTOOLCHAIN=local")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return ""
	}
	return fmt.Sprintf("go %s: %v\n%s", strings.Join(args, " "), err, out)
}

// newModule makes a module that requires this one, and what the documents use beside it as the module of these tools
// does. Everything is in the module cache.
func newModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	beside := regexp.MustCompile(`golang\.org/x/sync v\S+`).FindString(read(t, "../go.mod"))
	if beside == "" {
		t.Fatal("../go.mod does not require golang.org/x/sync, whose errgroup the documents use")
	}
	text := strings.Replace(read(t, "../../../go.mod"), "module "+module, "module blocks", 1) +
		fmt.Sprintf("\nrequire %s\n\nrequire %s v0.0.0\n\nreplace %s => %q\n", beside, module, module, filepath.ToSlash(root))
	write(t, filepath.Join(dir, "go.mod"), text)
	write(t, filepath.Join(dir, "go.sum"), read(t, "../../../go.sum")+read(t, "../go.sum"))
	return dir
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// buildBlocks builds and vets the Go blocks, and returns what is wrong with them.
func buildBlocks(t *testing.T, blocks []block) (problems string) {
	t.Helper()
	dir := newModule(t)
	names := map[string]string{} // of the packages, and where their blocks are
	for i, b := range blocks {
		name := fmt.Sprintf("block%d", i)
		text, err := goFile(b, name)
		if err != nil {
			problems += fmt.Sprintf("%v: %v\n", b, err)
			continue
		}
		// Lines are counted from the beginning of the file made here, so the text is shown with an error.
		names[name] = fmt.Sprintf("%v", b)
		write(t, filepath.Join(dir, name, "block.go"), text)
	}
	for _, args := range [][]string{{"build", "-trimpath", "./..."}, {"vet", "-unreachable=false", "./..."}} {
		out := goTool(t, dir, args...)
		if out == "" {
			continue
		}
		problems += out
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if strings.Contains(out, name+string(filepath.Separator)) || strings.Contains(out, name+"/") {
				text, _ := os.ReadFile(filepath.Join(dir, name, "block.go"))
				problems += fmt.Sprintf("%s is %s, made into:\n%s\n", name, names[name], text)
			}
		}
		break
	}
	return problems
}

func TestEveryGoBlockBuilds(t *testing.T) {
	var blocks []block
	for _, d := range theTree(t).docs {
		for _, b := range d.blocks {
			if b.language == "go" {
				blocks = append(blocks, b)
			}
		}
	}
	if problems := buildBlocks(t, blocks); problems != "" {
		t.Error(problems)
	}
	t.Logf("built %d blocks", len(blocks))
}

// Python blocks.

// python runs a program with an input, or skips the test if that is not possible.
func python(t *testing.T, program string, input any) []byte {
	t.Helper()
	name, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here:", err)
	}
	if err := exec.Command(name, "-c", "import sys; sys.exit(sys.version_info < (3, 8))").Run(); err != nil {
		t.Skip("python3 is older than 3.8, or does not run:", err)
	}
	encoded, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, "-c", program)
	cmd.Stdin = bytes.NewReader(encoded)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	return out
}

const parsePython = `
import ast, json, sys
problems = {}
for where, text in json.load(sys.stdin).items():
    try:
        ast.parse(text)
    except SyntaxError as e:
        problems[where] = str(e)
print(json.dumps(problems))
`

func TestEveryPythonBlockParses(t *testing.T) {
	blocks := map[string]string{}
	for _, d := range theTree(t).docs {
		for _, b := range d.blocks {
			if b.language == "python" {
				blocks[b.String()] = b.text
			}
		}
	}
	var problems map[string]string
	if err := json.Unmarshal(python(t, parsePython, blocks), &problems); err != nil {
		t.Fatal(err)
	}
	for where, problem := range problems {
		t.Errorf("%s: %s", where, problem)
	}
	if len(blocks) == 0 {
		t.Error("there are no Python blocks")
	}
}

// Links and names.

var (
	codeSpan  = regexp.MustCompile("`([^`]+)`")
	link      = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	testName  = regexp.MustCompile(`^(Test|Example|Benchmark|Fuzz)([A-Z_]\w*)?$`)
	linkLine  = regexp.MustCompile(`^\[[^\]]+\]: (\S+)$`)
	goOrMD    = regexp.MustCompile(`^[\w./-]+\.(go|md)$`)
	qualified = regexp.MustCompile(`\b(` + strings.Join(packages, "|") + `)\.([A-Z]\w*)`)
	method    = regexp.MustCompile(`(\w+)\.([A-Z]\w*)\(`)
	// `TestA` in [x](x_test.go), [y](y_test.go) and [z](z_test.go)
	testIn  = regexp.MustCompile("`(\\w+)`\\s+in\\s+(\\[[^\\]]*\\]\\([^)]*\\)((,|\\s+and)\\s+\\[[^\\]]*\\]\\([^)]*\\))*)")
	heading = regexp.MustCompile(`^#+ +(.*)$`)
)

// noTests are in code spans and are no tests.
var noTests = map[string]bool{
	"Test": true, "Example": true, "Benchmark": true, "Fuzz": true,
}

// anchors returns the names by which a link finds the headings of a document.
func (d *document) anchors() map[string]bool {
	all := map[string]bool{}
	for _, line := range d.prose {
		if m := heading.FindStringSubmatch(line); m != nil {
			slug := strings.Map(func(r rune) rune {
				switch {
				case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
					return unicode.ToLower(r)
				case r == ' ':
					return '-'
				}
				return -1
			}, link.ReplaceAllStringFunc(m[1], func(s string) string { return s[1:strings.Index(s, "]")] }))
			for i := 1; all[slug]; i++ {
				slug = strings.TrimSuffix(slug, fmt.Sprintf("-%d", i-1)) + fmt.Sprintf("-%d", i)
			}
			all[slug] = true
		}
	}
	return all
}

// checkLinks returns what is wrong with the links of a document and the names in its code spans.
func (t *tree) checkLinks(d *document) (problems []string) {
	bad := func(line int, format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%s:%d: %s", d.path, line, fmt.Sprintf(format, args...)))
	}
	for i, line := range d.prose {
		// What looks like a link in a code span is code.
		links := link.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, "code"), -1)
		for _, m := range append(links, linkLine.FindAllStringSubmatch(line, 1)...) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if problem := t.checkLink(d, m[1]); problem != "" {
				bad(i+1, "%s", problem)
			}
		}
		for _, m := range codeSpan.FindAllStringSubmatch(line, -1) {
			if problem := t.checkSpan(d, m[1]); problem != "" {
				bad(i+1, "%s", problem)
			}
		}
	}
	// A sentence that says which files a test is in may run over two lines.
	text := strings.Join(d.prose, "\n")
	for _, m := range testIn.FindAllStringSubmatchIndex(text, -1) {
		name := text[m[2]:m[3]]
		if !testName.MatchString(name) {
			continue
		}
		for _, l := range link.FindAllStringSubmatch(text[m[4]:m[5]], -1) {
			file := path.Join(path.Dir(d.path), l[1])
			if strings.HasSuffix(file, "_test.go") && !slices.Contains(t.tests[name], file) {
				bad(1+strings.Count(text[:m[0]], "\n"), "%s is not in %s", name, file)
			}
		}
	}
	return problems
}

func (t *tree) checkLink(d *document, target string) string {
	file, anchor, hasAnchor := strings.Cut(target, "#")
	name := d.path
	if file != "" {
		name = path.Join(path.Dir(d.path), file)
		if !t.files[name] && !t.dirs[name] {
			return fmt.Sprintf("the link to %s leads nowhere", target)
		}
	}
	if !hasAnchor {
		return ""
	}
	i := slices.IndexFunc(t.docs, func(d *document) bool { return d.path == name })
	if i >= 0 && !t.docs[i].anchors()[anchor] {
		return fmt.Sprintf("the link to %s leads to no heading", target)
	}
	return ""
}

func (t *tree) checkSpan(d *document, span string) string {
	if name, _, _ := strings.Cut(span, "/"); testName.MatchString(name) { // also of a subtest
		if len(t.tests[name]) == 0 && !noTests[name] {
			return fmt.Sprintf("there is no test %s", span)
		}
		return ""
	}
	for _, word := range strings.Fields(span) {
		word = strings.TrimPrefix(strings.TrimSuffix(word, "/..."), "./")
		imported, isImport := strings.CutPrefix(word, module+"/")
		first, _, hasSlash := strings.Cut(word, "/")
		switch {
		case isImport:
			if !t.dirs[imported] {
				return fmt.Sprintf("there is no package %s", word)
			}
		case hasSlash && t.dirs[first] && !strings.ContainsAny(word, "<>*{}$|") && !placeholder(word):
			if !t.files[word] && !t.dirs[strings.TrimSuffix(word, "/")] {
				return fmt.Sprintf("there is no %s", word)
			}
		case word == "x.go" || word == "x_test.go": // any
		case goOrMD.MatchString(word):
			if !t.files[word] && !t.files[path.Join(path.Dir(d.path), word)] && !t.hasBase(word) {
				return fmt.Sprintf("there is no file %s", word)
			}
		}
	}
	return ""
}

// placeholder reports whether a path is a pattern such as examples/NAME.
func placeholder(word string) bool {
	return slices.ContainsFunc(strings.Split(word, "/"), func(s string) bool {
		return len(s) > 1 && strings.ToUpper(s) == s && strings.ToLower(s) != s && !strings.Contains(s, ".")
	})
}

func (t *tree) hasBase(name string) bool {
	for file := range t.files {
		if path.Base(file) == name {
			return true
		}
	}
	return false
}

func TestLinksAndNamesLeadSomewhere(t *testing.T) {
	r := theTree(t)
	for _, d := range r.docs {
		for _, problem := range r.checkLinks(d) {
			t.Error(problem)
		}
	}
}

// A row is that of a table.
type row struct {
	section string // the last heading
	header  []string
	cells   []string
	line    int
}

func (d *document) rows() (rows []row) {
	var section string
	var header []string
	for i, line := range d.prose {
		if m := heading.FindStringSubmatch(line); m != nil {
			section = m[1]
		}
		if !strings.HasPrefix(line, "|") {
			header = nil
			continue
		}
		cells := cells(line)
		switch {
		case header == nil:
			header = cells
		case strings.Trim(line, "|-: ") != "":
			rows = append(rows, row{section, header, cells, i + 1})
		}
	}
	return rows
}

func cells(line string) (cells []string) {
	line = strings.ReplaceAll(strings.Trim(strings.TrimSpace(line), "|"), `\|`, "\x00")
	for _, cell := range strings.Split(line, "|") {
		cells = append(cells, strings.ReplaceAll(strings.TrimSpace(cell), "\x00", "|"))
	}
	return cells
}

func TestTheGoColumnsNameWhatExists(t *testing.T) {
	r := theTree(t)
	checked := 0
	for _, d := range r.docs {
		for _, row := range d.rows() {
			if len(row.cells) != len(row.header) {
				t.Errorf("%s:%d: %d cells, and %d in the header", d.path, row.line, len(row.cells), len(row.header))
				continue
			}
			i := slices.Index(row.header, "Go")
			if i < 0 {
				continue
			}
			for _, span := range codeSpan.FindAllStringSubmatch(row.cells[i], -1) {
				checked++
				if problem := r.checkGo(span[1]); problem != "" {
					t.Errorf("%s:%d: %s", d.path, row.line, problem)
				}
			}
		}
	}
	if checked < 200 {
		t.Errorf("only %d pieces of code were checked", checked)
	}
}

func (t *tree) checkGo(code string) string {
	for _, m := range qualified.FindAllStringSubmatch(code, -1) {
		if !t.exported[m[1]][m[2]] {
			return fmt.Sprintf("package %s has no %s", m[1], m[2])
		}
	}
	known := imports()
	for _, m := range method.FindAllStringSubmatch(code, -1) {
		if _, isPackage := known[m[1]]; !isPackage && !t.methods[m[2]] {
			return fmt.Sprintf("nothing has a method %s", m[2])
		}
	}
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile("", -1, len(code)), []byte(code), nil, 0)
	for {
		if _, tok, _ := s.Scan(); tok == token.EOF {
			break
		}
	}
	if s.ErrorCount > 0 && !strings.Contains(code, "…") {
		return fmt.Sprintf("%s is not Go", code)
	}
	return ""
}

func TestMistakesAreFound(t *testing.T) {
	r := theTree(t)
	parse := func(text string) *document {
		d, err := parseDocument("docs/x.md", text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, text := range []string{
		"[a](../lock/lock.go) `lock/lock.go` `TestMain` `./examples/...` `q[T](0)`",
		"# A b: `c`\n[a](#a-b-c) [a](porting.md#tables) [a](https://example.org/x)",
		"```text\n[a](nowhere) `TestNone`\n```",
		"[a](nowhere.md) // 1: the link to nowhere.md leads nowhere",
		"[a]: nowhere.md // 1: the link to nowhere.md leads nowhere",
		"\n[a](#nowhere) // 2: the link to #nowhere leads to no heading",
		"[a](porting.md#nowhere) // 1: the link to porting.md#nowhere leads to no heading",
		"`TestNone/sub` // 1: there is no test TestNone/sub",
		"`go test ./lock/none` // 1: there is no lock/none",
		"`none.go` // 1: there is no file none.go",
		"`" + module + "/none` // 1: there is no package " + module + "/none",
		"`TestEvery` in\n[a](../lock/lock_test.go) // 1: there is no test TestEvery",
		"`TestMistakesAreFound` in\n[a](../lock/lock_test.go) // 1: TestMistakesAreFound is not in lock/lock_test.go",
	} {
		text, want, isBad := strings.Cut(text, " // ")
		d := parse(text)
		withIt := *r
		withIt.docs = append(slices.Clone(r.docs), d)
		got := strings.Join(withIt.checkLinks(d), "\n")
		if isBad && !strings.HasPrefix(got, "docs/x.md:"+want) || !isBad && got != "" {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for code, want := range map[string]string{
		"l.Lock(); defer l.Unlock()":  "",
		"lock.Mutex":                  "package lock has no Mutex",
		"l.Obtained()":                "nothing has a method Obtained",
		"errors.Is(err, queue.ErrUp)": "package queue has no ErrUp",
		"'x":                          "'x is not Go",
	} {
		if got := r.checkGo(code); got != want {
			t.Errorf("%q: %q, want %q", code, got, want)
		}
	}
	tables := parse("## A\n| Python | Go |\n|---|---|\n| `f(a=(), b=1)`, `g` | `g()` |\n" +
		"## B\n| Python |\n|---|\n| `h` |\n")
	if got := missing(tables.rows(), "A", parseNames(t, "f(a,b,c) g h")); !slices.Equal(got, []string{"f(c)", "h"}) {
		t.Errorf("missing are %q", got)
	}
	tables = parse("## A\n| Python | Go |\n|---|---|\n| `f(*args)`, `loop.sock_*`, `*Q`, `C.*`, `one` | none |\n")
	all := "sock_recv SelectorEventLoop.sock_recv MyQ C.member Other.one"
	if got := missing(tables.rows(), "A", parseNames(t, all+" xsock_recv Q.member D.member oneself farther")); !slices.Equal(got,
		[]string{"sock_recv", "xsock_recv", "Q.member", "D.member", "oneself", "farther"}) {
		t.Errorf("missing are %q", got)
	}
}

func TestFragmentsAreBuilt(t *testing.T) {
	for text, want := range map[string]string{
		"package main\n\nfunc main() {}\n":                                         "",
		"import \"" + module + "/lock\"\n\nvar l lock.Lock\nl.Lock()\n":            "",
		"var x lock.Lock\n\nfunc f() { x.Lock() }\n":                               "",
		"func f() {}\n\nx := 1 // unused\nif q.Len() > x {\n\treturn errBusy\n}\n": "",
		"var l lock.Lock\ncopied := l\n":                                           "copies lock value",
		"l.Look()\n":                                                               "l.Look undefined",
		"x := := 1\n":                                                              "expected operand",
		"nothing.Declared()\n":                                                     "nothing is not declared",
	} {
		d, err := parseDocument("docs/x.md", "```go\n"+text+"```\n")
		if err != nil {
			t.Fatal(err)
		}
		got := buildBlocks(t, d.blocks)
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// The worked port.

// What the page shows of the program is in it, and what it says that it prints is what its tests expect of it.
func TestTheWorkedPortIsTheProgram(t *testing.T) {
	r := theTree(t)
	i := slices.IndexFunc(r.docs, func(d *document) bool { return d.path == "docs/porting.md" })
	if i < 0 {
		t.Fatal("there is no docs/porting.md")
	}
	from := 1 + slices.Index(r.docs[i].lines, "## A worked port")
	program := read(t, "../../../examples/crawler/main.go")
	tests := r.goSources["examples/crawler/main_test.go"]
	var shown []string
	for _, b := range r.docs[i].blocks {
		switch {
		case from == 0 || b.line < from:
			continue
		case b.language == "go" && !strings.Contains(program, b.text):
			t.Errorf("%v is not in examples/crawler/main.go", b)
		case b.language == "text" && !strings.Contains(tests, "const report = `"+b.text+"`"):
			t.Errorf("%v is not the report that the tests of examples/crawler expect", b)
		}
		shown = append(shown, b.language)
	}
	if !slices.Contains(shown, "go") {
		t.Errorf("the worked port shows %q, and should show a piece of the program", shown)
	}
}

// The names of Python.

// names are the public names of Python's modules, by the heading under which porting.md answers them. A name may be
// followed by its parameters, in parentheses, and by @ and the version of Python that introduced it; ! marks what is
// not found by looking into the module (a private name, an operator, a field that is made later), and a name of gevent,
// which need not be installed: those are of its version 26.4. Members that must be told apart stand behind their class.
var names = map[string]string{
	"threading: functions, constants and exceptions": `
		active_count() activeCount() current_thread() currentThread() enumerate() main_thread() get_ident()
		get_native_id() settrace(func) gettrace() settrace_all_threads(func)@3.12 setprofile(func) getprofile()
		setprofile_all_threads(func)@3.12 stack_size TIMEOUT_MAX excepthook __excepthook__! ExceptHookArgs
		exc_type! exc_value! exc_traceback! thread! BrokenBarrierError ThreadError
		Lock RLock Condition Semaphore BoundedSemaphore Event Barrier Timer Thread local
		serialize_iterator(iterable)@3.15 synchronized_iterator(func)@3.15 concurrent_tee(iterable,n)@3.15`,
	"threading.Thread": `
		Thread(group,target,name,args,kwargs,daemon) Thread(context)@3.14 start() run() join(timeout) is_alive() isAlive! name
		getName() setName(name) ident native_id daemon isDaemon() setDaemon(daemonic)`,
	"threading.Lock": `
		Lock() acquire(blocking,timeout) release() locked() acquire_lock() release_lock() locked_lock() with!`,
	"threading.RLock": `
		RLock() acquire(blocking,timeout) release() locked()@3.14 _is_owned! _recursion_count! _release_save!
		_acquire_restore!`,
	"threading.Condition": `
		Condition(lock) acquire() release() locked()@3.14 wait(timeout) wait_for(predicate,timeout) notify(n) notify_all()
		notifyAll()`,
	"threading.Semaphore and threading.BoundedSemaphore": `
		Semaphore(value) BoundedSemaphore(value) acquire(blocking,timeout) release(n)`,
	"threading.Event":   `Event() set() clear() is_set() isSet() wait(timeout)`,
	"threading.Barrier": `Barrier(parties,action,timeout) wait(timeout) reset() abort() parties n_waiting broken`,
	"threading.Timer": `
		Timer(interval,function,args,kwargs) start() cancel() join(timeout) is_alive() interval function args kwargs finished
		name getName() setName(name) daemon isDaemon() setDaemon(daemonic) ident native_id run()`,
	"threading.local": `local()`,
	"queue.Queue, LifoQueue, PriorityQueue and SimpleQueue": `
		SimpleQueue() Queue(maxsize) LifoQueue(maxsize) PriorityQueue(maxsize) put(item,block,timeout) put_nowait(item)
		get(block,timeout) get_nowait() qsize() empty() full() task_done() join() shutdown(immediate)@3.13
		is_shutdown@3.13 maxsize unfinished_tasks queue mutex not_empty not_full all_tasks_done
		Empty! Full! ShutDown! _init! _put! _get! _qsize!`,
	"collections.deque": `
		deque() append() appendleft() pop() popleft() extend() extendleft() rotate() clear() copy() count() index()
		insert() remove() reverse() maxlen`,
	"multiprocessing.pool: Pool and ThreadPool": `
		Pool(processes,initializer,initargs,maxtasksperchild,context) ThreadPool(processes,initializer,initargs)
		Process(ctx) apply(func,args,kwds) apply_async(func,args,kwds,callback,error_callback) map(func,iterable,chunksize)
		map_async(func,iterable,chunksize,callback,error_callback) starmap(func,iterable,chunksize)
		starmap_async(func,iterable,chunksize,callback,error_callback) imap(func,iterable,chunksize)
		imap_unordered(func,iterable,chunksize) close() terminate() join()
		RUN! CLOSE! TERMINATE! INIT! ExceptionWithTraceback! RemoteTraceback! MaybeEncodingError! rebuild_exc! mapstar!
		starmapstar! worker!`,
	"multiprocessing.pool: results": `
		AsyncResult ApplyResult MapResult get(timeout) wait(timeout) ready() successful() TimeoutError! IMapIterator
		IMapUnorderedIterator next(timeout)`,
	"concurrent.futures": `
		Executor ThreadPoolExecutor(max_workers,thread_name_prefix,initializer,initargs) submit()
		map(fn,timeout,chunksize) map(buffersize)@3.14 shutdown(wait,cancel_futures)
		ProcessPoolExecutor(max_workers,mp_context,initializer,initargs,max_tasks_per_child)
		terminate_workers()@3.14 kill_workers()@3.14 InterpreterPoolExecutor@3.14
		wait(fs,timeout,return_when) FIRST_COMPLETED FIRST_EXCEPTION ALL_COMPLETED DoneAndNotDoneFutures!
		as_completed(fs,timeout) CancelledError TimeoutError BrokenExecutor BrokenThreadPool! BrokenProcessPool!
		InvalidStateError! Error!`,
	"concurrent.futures.Future": `
		Future result(timeout) exception(timeout) done() running() cancel() cancelled() add_done_callback(fn)
		set_result(result) set_exception(exception) set_running_or_notify_cancel()`,
	"multiprocessing.dummy": `
		Process DummyProcess! current_process() active_children() freeze_support() Lock RLock Semaphore BoundedSemaphore
		Condition Event Barrier Queue JoinableQueue Pool(processes,initializer,initargs) Pipe(duplex) Manager() dict! list!
		Namespace! Value! Array! shutdown!`,
	"multiprocessing.managers": `
		BaseManager SyncManager BaseProxy Token SharedMemoryManager Manager! start(initializer,initargs) get_server connect join(timeout)
		register(typeid,callable,proxytype,exposed,method_to_typeid,create_method) address shutdown! serve_forever!
		RemoteError! AutoProxy! set@3.14
		dict list Namespace Value Array Queue JoinableQueue Lock RLock Semaphore BoundedSemaphore Event Condition Barrier Pool
		AsyncResult Iterator
		append count extend index insert pop remove reverse sort clear copy get items keys popitem setdefault update values`,
	"gevent and asyncio": `
		ALL_COMPLETED AbstractChildWatcher AbstractEventLoop AbstractEventLoopPolicy AbstractServer Barrier
		BaseEventLoop BaseProtocol BaseTransport BoundedSemaphore BrokenBarrierError BufferedProtocol CancelledError
		Condition DatagramProtocol DatagramTransport DefaultEventLoopPolicy Event FIRST_COMPLETED FIRST_EXCEPTION
		FastChildWatcher Future Handle IncompleteReadError InvalidStateError LifoQueue LimitOverrunError Lock
		MultiLoopChildWatcher PidfdChildWatcher PriorityQueue Protocol Queue QueueEmpty QueueFull ReadTransport Runner
		SafeChildWatcher SelectorEventLoop Semaphore SendfileNotAvailableError Server StreamReader StreamReaderProtocol
		StreamWriter SubprocessProtocol SubprocessTransport Task ThreadedChildWatcher Timeout TimeoutError TimerHandle
		Transport WriteTransport all_tasks as_completed create_subprocess_exec create_subprocess_shell create_task
		current_task ensure_future gather get_child_watcher get_event_loop get_event_loop_policy get_running_loop
		iscoroutine iscoroutinefunction isfuture new_event_loop open_connection open_unix_connection run
		run_coroutine_threadsafe set_child_watcher set_event_loop set_event_loop_policy shield sleep start_server
		start_unix_server timeout timeout_at to_thread wait wait_for wrap_future AbstractChildWatcher.add_child_handler
		AbstractChildWatcher.attach_loop AbstractChildWatcher.close AbstractChildWatcher.is_active
		AbstractChildWatcher.remove_child_handler AbstractEventLoop.add_reader AbstractEventLoop.add_signal_handler
		AbstractEventLoop.add_writer AbstractEventLoop.call_at AbstractEventLoop.call_exception_handler
		AbstractEventLoop.call_later AbstractEventLoop.call_soon AbstractEventLoop.call_soon_threadsafe
		AbstractEventLoop.close AbstractEventLoop.connect_accepted_socket AbstractEventLoop.connect_read_pipe
		AbstractEventLoop.connect_write_pipe AbstractEventLoop.create_connection
		AbstractEventLoop.create_datagram_endpoint AbstractEventLoop.create_future AbstractEventLoop.create_server
		AbstractEventLoop.create_task AbstractEventLoop.create_unix_connection AbstractEventLoop.create_unix_server
		AbstractEventLoop.default_exception_handler AbstractEventLoop.get_debug AbstractEventLoop.get_exception_handler
		AbstractEventLoop.get_task_factory AbstractEventLoop.getaddrinfo AbstractEventLoop.getnameinfo
		AbstractEventLoop.is_closed AbstractEventLoop.is_running AbstractEventLoop.remove_reader
		AbstractEventLoop.remove_signal_handler AbstractEventLoop.remove_writer AbstractEventLoop.run_forever
		AbstractEventLoop.run_in_executor AbstractEventLoop.run_until_complete AbstractEventLoop.sendfile
		AbstractEventLoop.set_debug AbstractEventLoop.set_default_executor AbstractEventLoop.set_exception_handler
		AbstractEventLoop.set_task_factory AbstractEventLoop.shutdown_asyncgens
		AbstractEventLoop.shutdown_default_executor AbstractEventLoop.sock_accept AbstractEventLoop.sock_connect
		AbstractEventLoop.sock_recv AbstractEventLoop.sock_recv_into AbstractEventLoop.sock_recvfrom
		AbstractEventLoop.sock_recvfrom_into AbstractEventLoop.sock_sendall AbstractEventLoop.sock_sendfile
		AbstractEventLoop.sock_sendto AbstractEventLoop.start_tls AbstractEventLoop.stop
		AbstractEventLoop.subprocess_exec AbstractEventLoop.subprocess_shell AbstractEventLoop.time
		AbstractEventLoopPolicy.get_child_watcher AbstractEventLoopPolicy.get_event_loop
		AbstractEventLoopPolicy.new_event_loop AbstractEventLoopPolicy.set_child_watcher
		AbstractEventLoopPolicy.set_event_loop AbstractServer.close AbstractServer.get_loop AbstractServer.is_serving
		AbstractServer.serve_forever AbstractServer.start_serving AbstractServer.wait_closed Barrier.abort
		Barrier.broken Barrier.n_waiting Barrier.parties Barrier.reset Barrier.wait BaseProtocol.connection_lost
		BaseProtocol.connection_made BaseProtocol.pause_writing BaseProtocol.resume_writing BaseTransport.close
		BaseTransport.get_extra_info BaseTransport.get_protocol BaseTransport.is_closing BaseTransport.set_protocol
		BufferedProtocol.buffer_updated BufferedProtocol.eof_received BufferedProtocol.get_buffer Condition.notify
		Condition.notify_all Condition.wait Condition.wait_for DatagramProtocol.datagram_received
		DatagramProtocol.error_received DatagramTransport.abort DatagramTransport.sendto Event.clear Event.is_set
		Event.set Event.wait Future.add_done_callback Future.cancel Future.cancelled Future.done Future.exception
		Future.get_loop Future.remove_done_callback Future.result Future.set_exception Future.set_result Handle.cancel
		Handle.cancelled Lock.acquire Lock.locked Lock.release Protocol.data_received Protocol.eof_received Queue.empty
		Queue.full Queue.get Queue.get_nowait Queue.join Queue.maxsize Queue.put Queue.put_nowait Queue.qsize
		Queue.task_done ReadTransport.is_reading ReadTransport.pause_reading ReadTransport.resume_reading Runner.close
		Runner.get_loop Runner.run Semaphore.acquire Semaphore.locked Semaphore.release Server.sockets
		StreamReader.at_eof StreamReader.exception StreamReader.feed_data StreamReader.feed_eof StreamReader.read
		StreamReader.readexactly StreamReader.readline StreamReader.readuntil StreamReader.set_exception
		StreamReader.set_transport StreamWriter.can_write_eof StreamWriter.close StreamWriter.drain
		StreamWriter.get_extra_info StreamWriter.is_closing StreamWriter.start_tls StreamWriter.transport
		StreamWriter.wait_closed StreamWriter.write StreamWriter.write_eof StreamWriter.writelines
		SubprocessProtocol.pipe_connection_lost SubprocessProtocol.pipe_data_received SubprocessProtocol.process_exited
		SubprocessTransport.get_pid SubprocessTransport.get_pipe_transport SubprocessTransport.get_returncode
		SubprocessTransport.kill SubprocessTransport.send_signal SubprocessTransport.terminate Task.cancelling
		Task.get_coro Task.get_name Task.get_stack Task.print_stack Task.set_name Task.uncancel Timeout.expired
		Timeout.reschedule Timeout.when TimerHandle.when WriteTransport.abort WriteTransport.can_write_eof
		WriteTransport.get_write_buffer_limits WriteTransport.get_write_buffer_size
		WriteTransport.set_write_buffer_limits WriteTransport.write WriteTransport.write_eof WriteTransport.writelines
		eager_task_factory@3.12 create_eager_task_factory@3.12 TaskGroup@3.12 TaskGroup.create_task@3.12 TaskGroup.cancel@3.15
		Task.get_context@3.12 QueueShutDown@3.13 Queue.shutdown@3.13 EventLoop@3.13 AbstractServer.close_clients@3.13
		AbstractServer.abort_clients@3.13 capture_call_graph@3.14 print_call_graph@3.14 format_call_graph@3.14
		FrameCallGraphEntry@3.14 FutureCallGraph@3.14 future_add_to_awaited_by@3.14 future_discard_from_awaited_by@3.14
		ProactorEventLoop! IocpProactor! WindowsSelectorEventLoopPolicy! WindowsProactorEventLoopPolicy!
		Greenlet! GreenletExit! Timeout! config! fork! get_hub! getcurrent! getswitchinterval! idle! iwait! joinall!
		kill! killall! reinit! setswitchinterval! signal_handler! sleep! spawn! spawn_later! spawn_raw! wait!
		with_timeout! PoolFull! AsyncResult! SimpleQueue! Channel! DummySemaphore! ThreadPool! ThreadResult!
		ThreadPoolExecutor! StreamServer! DatagramServer! BaseServer! Hub! Waiter! LoopExit! format_run_info!
		print_run_info! GreenletTree! wrap_errors! assert_switches! BackdoorServer! FileObject! FileObjectPosix!
		FileObjectThread! FileObjectBlock! wait_read! wait_write! wait_readwrite! local! Group! Pool! socket! ssl!
		subprocess! select! Greenlet.add_spawn_callback! Greenlet.exc_info! Greenlet.exception! Greenlet.get!
		Greenlet.has_links! Greenlet.join! Greenlet.kill! Greenlet.link! Greenlet.link_exception! Greenlet.link_value!
		Greenlet.loop! Greenlet.minimal_ident! Greenlet.name! Greenlet.rawlink! Greenlet.ready!
		Greenlet.remove_spawn_callback! Greenlet.run! Greenlet.start! Greenlet.start_later! Greenlet.started!
		Greenlet.successful! Greenlet.throw! Greenlet.unlink! Greenlet.unlink_all! Greenlet.value! Greenlet.dead!
		Greenlet.spawning_stack_limit! Group.add! Group.discard! Group.full! Group.greenlet_class! Group.join!
		Group.kill! Group.killone! Group.start! Group.wait_available! Group.apply! Group.apply_async! Group.apply_cb!
		Group.imap! Group.imap_unordered! Group.map! Group.map_async! Group.map_cb! Group.spawn! Pool.free_count!
		Pool.full! Pool.add! AsyncResult.cancel! AsyncResult.cancelled! AsyncResult.done! AsyncResult.exc_info!
		AsyncResult.exception! AsyncResult.get! AsyncResult.get_nowait! AsyncResult.ready! AsyncResult.result!
		AsyncResult.set! AsyncResult.set_exception! AsyncResult.set_result! AsyncResult.successful! AsyncResult.value!
		AsyncResult.wait! SimpleQueue.copy! SimpleQueue.peek! SimpleQueue.peek_nowait! Channel.balance! RLock.acquire!
		RLock.locked! RLock.release! Timeout.cancel! Timeout.close! Timeout.pending! Timeout.start! Timeout.start_new!
		ThreadPool.adjust! ThreadPool.join! ThreadPool.kill! ThreadPool.maxsize! ThreadPool.size! ThreadPool.spawn!
		ThreadResult.destroy_in_main_thread! ThreadResult.exception! ThreadResult.handle_error! ThreadResult.set!
		ThreadResult.successful! StreamServer.backlog! StreamServer.ssl_enabled! StreamServer.wrap_socket_and_handle!
		DatagramServer.sendto! BaseServer.close! BaseServer.closed! BaseServer.fatal_errors! BaseServer.max_accept!
		BaseServer.max_delay! BaseServer.min_delay! BaseServer.serve_forever! BaseServer.server_host!
		BaseServer.server_port! BaseServer.set_handle! BaseServer.set_listener! BaseServer.set_spawn! BaseServer.start!
		BaseServer.start_accepting! BaseServer.started! BaseServer.stop! BaseServer.stop_accepting!
		BaseServer.stop_timeout! monkey.patch_all! monkey.patch_builtins! monkey.patch_dns! monkey.patch_os!
		monkey.patch_queue! monkey.patch_select! monkey.patch_signal! monkey.patch_socket! monkey.patch_ssl!
		monkey.patch_subprocess! monkey.patch_sys! monkey.patch_thread! monkey.patch_time! monkey.get_original!
		monkey.is_module_patched! monkey.is_object_patched! monkey.patch_module! monkey.main! monkey.MonkeyPatchWarning!
		pywsgi.WSGIServer! pywsgi.WSGIHandler! pywsgi.LoggingLogAdapter! pywsgi.Environ! pywsgi.SecureEnviron!
		pywsgi.WSGISecureEnviron!`,
	"sched": `scheduler enter enterabs cancel run empty queue`,
	"socketserver": `
		BaseServer TCPServer(server_address,RequestHandlerClass,bind_and_activate) UDPServer ThreadingUDPServer
		ThreadingTCPServer BaseRequestHandler StreamRequestHandler DatagramRequestHandler ThreadingMixIn ForkingUDPServer
		ForkingTCPServer ForkingMixIn ForkingUnixStreamServer@3.12 ForkingUnixDatagramServer@3.12 UnixStreamServer
		UnixDatagramServer ThreadingUnixStreamServer ThreadingUnixDatagramServer active_children address_family
		allow_reuse_address allow_reuse_port block_on_close close_request collect_children daemon_threads fileno()
		finish_request get_request() handle_error(request,client_address) handle_request() handle_timeout() max_children
		max_packet_size process_request process_request_thread request_queue_size serve_forever(poll_interval)
		server_activate() server_bind() server_close() service_actions() shutdown() shutdown_request socket_type timeout
		verify_request(request,client_address) disable_nagle_algorithm finish() handle() rbufsize setup() wbufsize
		server_address! socket! request! wfile! rfile! packet! client_address! server!`,
	"selectors": `
		BaseSelector DefaultSelector EpollSelector PollSelector SelectSelector KqueueSelector! DevpollSelector! EVENT_READ
		EVENT_WRITE SelectorKey register(fileobj,events,data) modify(fileobj,events,data) unregister(fileobj)
		select(timeout) get_key(fileobj) get_map() close() fileno() fileobj fd events data`,
	"select": `
		select! poll! epoll! register modify unregister close closed fileno fromfd
		POLLIN POLLOUT POLLPRI EPOLLIN EPOLLOUT EPOLLPRI EPOLLET POLLHUP POLLERR EPOLLHUP EPOLLERR POLLNVAL EPOLLONESHOT
		EPOLLEXCLUSIVE POLLRDHUP POLLMSG POLLRDBAND POLLRDNORM POLLWRBAND POLLWRNORM EPOLLRDHUP EPOLLMSG EPOLLRDBAND
		EPOLLRDNORM EPOLLWRBAND EPOLLWRNORM EPOLL_CLOEXEC PIPE_BUF error kqueue! kevent! devpoll!`,
}

// lookIntoPython prints for each heading the names that this Python has, with their parameters or null.
const lookIntoPython = `
import asyncio, collections, concurrent.futures as cf, inspect, json, multiprocessing.dummy, multiprocessing.pool as mp, queue
import multiprocessing.managers as managers, sched, select, selectors, socketserver, sys, threading

def entry(f):
    # Whether functions that are written in C tell their parameters differs from version to version.
    if not (inspect.isfunction(f) or inspect.ismethod(f) or inspect.isclass(f) and inspect.isfunction(f.__init__)):
        return None
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    return [p.name for p in inspect.signature(f).parameters.values() if p.kind in kinds and p.name != "self"]

def module(m):
    own = {n for n in dir(m) if getattr(getattr(m, n), "__module__", None) == m.__name__}
    return {n: entry(getattr(m, n)) for n in own | set(getattr(m, "__all__", ())) if not n.startswith("_")}

def members(*objects):
    return {n: entry(getattr(o, n)) for o in objects for n in dir(o) if not n.startswith("_")}

def constructor(*classes):
    return {c.__name__: entry(c) for c in classes}

def both(*dicts):
    return {n: v for d in dicts for n, v in d.items()}

def classes_of(m):
    return [c for c in (getattr(m, n) for n in m.__all__) if isinstance(c, type) and not issubclass(c, BaseException)]

q, t = queue.Queue(), threading
pool, executor = mp.Pool, cf.ThreadPoolExecutor
servers = [getattr(socketserver, n) for n in socketserver.__all__ if n.endswith("Server")]
shown = "serve_forever verify_request handle_error"
classes = {n: None for n, v in module(threading).items() if isinstance(getattr(threading, n), type)}
found = {
    "threading: functions, constants and exceptions": both(module(t), classes),
    "threading.Thread": both(constructor(t.Thread), members(t.Thread())),
    "threading.Lock": members(t.Lock()),
    "threading.RLock": members(t.RLock()),
    "threading.Condition": both(constructor(t.Condition), members(t.Condition())),
    "threading.Semaphore and threading.BoundedSemaphore": both(
        constructor(t.Semaphore, t.BoundedSemaphore), members(t.BoundedSemaphore())),
    "threading.Event": members(t.Event()),
    "threading.Barrier": both(constructor(t.Barrier), members(t.Barrier(1))),
    "threading.Timer": both(constructor(t.Timer), members(t.Timer(1, lambda: None))),
    "threading.local": members(t.local()),
    "queue.Queue, LifoQueue, PriorityQueue and SimpleQueue": both(
        constructor(queue.Queue, queue.LifoQueue, queue.PriorityQueue), members(queue.SimpleQueue()), members(q),
        {n: None for n in module(queue)}, constructor(queue.Queue)),
    "collections.deque": members(collections.deque()),
    "multiprocessing.pool: Pool and ThreadPool": both(
        {n: None for n in module(mp) if not n.endswith(("Result", "Iterator"))},
        constructor(mp.Pool, mp.ThreadPool), members(mp.Pool)),
    "multiprocessing.pool: results": both(
        {n: None for n in module(mp) if n.endswith(("Result", "Iterator"))},
        members(mp.AsyncResult, mp.MapResult, mp.IMapIterator, mp.IMapUnorderedIterator)),
    "concurrent.futures": both(
        members(executor), members(cf.ProcessPoolExecutor),
        {n: v for n, v in module(cf).items() if n != "Future"}, constructor(executor, cf.ProcessPoolExecutor)),
    "concurrent.futures.Future": members(cf.Future),
    "multiprocessing.dummy": both(
        {n: None for n in multiprocessing.dummy.__all__}, {"Pool": entry(multiprocessing.dummy.Pool)}),
    "multiprocessing.managers": both(
        {n: None for n in managers.__all__}, members(managers.BaseManager),
        {n: None for n in managers.SyncManager._registry},
        {n: None for k in ("list", "dict") for n in managers.SyncManager._registry[k][1] if n[0] != "_"}),
    "gevent and asyncio": both({n: None for n in asyncio.__all__ if n[0] != "_"}, {
        c.__name__ + "." + n: None for c in classes_of(asyncio) for n in dir(c)
        if n[0] != "_" and not any(n in dir(base) for base in c.__mro__[1:] if base in classes_of(asyncio))}),
    "sched": both({"scheduler": None}, {n: None for n in members(sched.scheduler)}),
    "socketserver": both(
        {n: None for n in socketserver.__all__}, constructor(socketserver.TCPServer),
        {n: None for s in servers for n in members(s)},
        {n: v for n, v in members(*servers).items() if v and n in shown},
        {n: None for n in members(socketserver.StreamRequestHandler, socketserver.DatagramRequestHandler)}),
    "selectors": both(
        {n: None for n in module(selectors) if n[0] not in "_"}, {"DefaultSelector": None, "EVENT_READ": None, "EVENT_WRITE": None},
        members(selectors.DefaultSelector), {n: None for n in selectors.SelectorKey._fields}),
    "select": {n: None for o in (select, select.poll(), select.epoll) for n in dir(o) if n[0] != "_"}
        if hasattr(select, "epoll") else None,
}
found = {n: v for n, v in found.items() if v is not None}
json.dump({"version": list(sys.version_info[:2]), "found": found}, sys.stdout)
`

// A pythonName is an entry of names.
type pythonName struct {
	name       string
	parameters []string
	since      [2]int
	unseen     bool // not found by looking
}

var entry = regexp.MustCompile(`^([\w.]+)(?:\(([\w,]*)\))?(!)?(?:@(\d)\.(\d+))?$`)

func parseNames(t *testing.T, text string) (list []pythonName) {
	t.Helper()
	for _, field := range strings.Fields(text) {
		m := entry.FindStringSubmatch(field)
		if m == nil {
			t.Fatalf("%q is no entry", field)
		}
		n := pythonName{name: m[1], unseen: m[3] != ""}
		if m[2] != "" {
			n.parameters = strings.Split(m[2], ",")
		}
		n.since[0], _ = strconv.Atoi(m[4])
		n.since[1], _ = strconv.Atoi(m[5])
		list = append(list, n)
	}
	return list
}

// missing returns which names of the list the tables under a heading lack.
func missing(rows []row, section string, list []pythonName) (lacking []string) {
	var spans []string
	for _, r := range rows {
		if r.section == section && r.header[0] == "Python" {
			for _, m := range codeSpan.FindAllStringSubmatch(r.cells[0], -1) {
				spans = append(spans, m[1])
			}
		}
	}
	has := func(pattern string) bool { return slices.ContainsFunc(spans, regexp.MustCompile(pattern).MatchString) }
	// In tables of modules with hundreds of names a star stands for any letters, and Class.* for all members of a class;
	// loop is an event loop of asyncio. A member may also stand there without its class.
	var families []*regexp.Regexp
	for _, span := range spans {
		if strings.Contains(span, "*") && !strings.ContainsAny(span, "( ") {
			if member, ok := strings.CutPrefix(span, "loop."); ok {
				span = "*EventLoop." + member
			}
			families = append(families, regexp.MustCompile(`^(\w+\.)?`+strings.ReplaceAll(regexp.QuoteMeta(span), `\*`, `\w*`)+`$`))
		}
	}
	hasFamily := func(name string) bool {
		return slices.ContainsFunc(families, func(f *regexp.Regexp) bool { return f.MatchString(name) })
	}
	for _, n := range list {
		bare := n.name[strings.LastIndex(n.name, ".")+1:]
		if !has(`(^|\W)`+bare+`\b`) && !hasFamily(n.name) {
			lacking = append(lacking, n.name)
		}
		for _, p := range n.parameters {
			if !has(`(^|\W)`+n.name+`\((.*\W)?`+p+`\b`) && !has(`^`+p+`=`) {
				lacking = append(lacking, n.name+"("+p+")")
			}
		}
	}
	return lacking
}

func portingRows(t *testing.T) []row {
	t.Helper()
	docs := theTree(t).docs
	i := slices.IndexFunc(docs, func(d *document) bool { return d.path == "docs/porting.md" })
	if i < 0 {
		t.Fatal("there is no docs/porting.md")
	}
	return docs[i].rows()
}

func TestTheTablesHaveEveryPythonName(t *testing.T) {
	rows := portingRows(t)
	for section, text := range names {
		if lacking := missing(rows, section, parseNames(t, text)); lacking != nil {
			t.Errorf("the tables under %q lack %s", section, strings.Join(lacking, ", "))
		}
	}
}

// The list is compared with this version of Python. What others have besides is in it as their documentation has it;
// where one of them is, a difference is reported, and is no failure, for nothing here has changed.
var compared = [2]int{3, 11}

func TestTheListIsWhatPythonHas(t *testing.T) {
	var answer struct {
		Version [2]int
		Found   map[string]map[string][]string
	}
	if err := json.Unmarshal(python(t, lookIntoPython, nil), &answer); err != nil {
		t.Fatal(err)
	}
	older := func(a, b [2]int) bool { return slices.Compare(a[:], b[:]) < 0 }
	report := t.Errorf
	if answer.Version != compared {
		t.Logf("the list is compared with Python %v, and this is %v: differences are only reported", compared, answer.Version)
		report = t.Logf
	}
	for section, text := range names {
		found, ok := answer.Found[section]
		if !ok {
			t.Errorf("Python was not asked for %q", section)
			continue
		}
		listed := map[string]bool{}
		for _, n := range parseNames(t, text) {
			listed[n.name] = true
			for _, p := range n.parameters {
				listed[n.name+"("+p+")"] = true
			}
			parameters, there := found[n.name]
			if n.unseen || older(answer.Version, n.since) {
				continue
			}
			if !there && n.name != section[strings.LastIndex(section, ".")+1:] {
				report("%s: Python %v has no %s", section, answer.Version, n.name)
			}
			for _, p := range n.parameters {
				if there && parameters != nil && !slices.Contains(parameters, p) {
					report("%s: %s of Python %v has no parameter %s, but %v", section, n.name, answer.Version, p, parameters)
				}
			}
		}
		for n, parameters := range found {
			if !listed[n] {
				report("%s: the list lacks %s", section, n)
			}
			for _, p := range parameters {
				if !listed[n+"("+p+")"] && listed[n] {
					report("%s: the list lacks the parameter %s of %s", section, p, n)
				}
			}
		}
	}
}
