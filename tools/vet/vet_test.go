package vet

import (
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"
	"golang.org/x/tools/go/packages"
)

const root = "../.."

// program makes a module of testdata that uses the toolkit as it is in this
// repository, and returns its folder.
func program(t *testing.T) string {
	t.Helper()
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOWORK", "off")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	above, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod": strings.Replace(read(t, filepath.Join(root, "go.mod")), "module "+module, "module example", 1) +
			"\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + above + "\n",
		"go.sum": read(t, filepath.Join(root, "go.sum")),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
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

// folders runs each analyzer on the package that has its name. One load of all
// packages costs a tenth of one for each.
func folders() *analysis.Analyzer {
	all := &analysis.Analyzer{Name: "folders", Doc: "each analyzer on the package of its name"}
	named := map[string]*analysis.Analyzer{}
	for _, a := range Analyzers() {
		named[a.Name] = a
		all.Requires = append(all.Requires, a.Requires...)
	}
	all.Run = func(pass *analysis.Pass) (any, error) {
		a := named[pass.Pkg.Name()]
		if a == nil { // the main package of its tests
			return nil, nil
		}
		its := *pass
		its.Analyzer = a
		return a.Run(&its)
	}
	return all
}

func TestEachAnalyzerFindsWhatIsPlantedAndNothingElse(t *testing.T) {
	dir := program(t)
	var packages []string
	for _, a := range Analyzers() {
		packages = append(packages, "./"+a.Name)
	}
	analysistest.RunWithSuggestedFixes(t, dir, folders(), packages...)
}

func TestTheLocksOfPackageSyncAreLookedAtWithAFlag(t *testing.T) {
	dir := program(t)
	for folder, a := range map[string]*analysis.Analyzer{"syncs": HeldReturn, "syncrelock": Relock} {
		if err := a.Flags.Set("sync", "true"); err != nil {
			t.Fatal(err)
		}
		analysistest.Run(t, dir, a, "./"+folder)
		if err := a.Flags.Set("sync", "false"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheAnalyzersAreValid(t *testing.T) {
	if err := analysis.Validate(Analyzers()); err != nil {
		t.Fatal(err)
	}
	doc := read(t, "vet.go")
	for _, a := range Analyzers() {
		if !strings.Contains(doc, "//\t"+a.Name+" ") {
			t.Errorf("the package comment does not list %s", a.Name)
		}
	}
}

// What the analyzers know by name must exist.
func TestEveryNameIsOneOfTheToolkit(t *testing.T) {
	t.Setenv("GOWORK", "off")
	loaded, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps, Dir: root}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	toolkit := map[string]*types.Package{}
	for _, p := range loaded {
		if p.Types != nil {
			toolkit[place(p.Types)] = p.Types
		}
	}
	if toolkit["lock"] == nil || toolkit["."] == nil {
		t.Fatalf("%d packages, and neither lock nor the root", len(toolkit))
	}
	for n := range names() {
		pkg := toolkit[n.pkg]
		switch {
		case pkg == nil && !n.ours():
		case pkg == nil:
			t.Errorf("there is no package %s, of %s", n.pkg, n.short())
		case n.recv == "":
			if _, ok := pkg.Scope().Lookup(n.fn).(*types.Func); !ok {
				t.Errorf("there is no function %s", n.short())
			}
		default:
			typ, ok := pkg.Scope().Lookup(n.recv).(*types.TypeName)
			if !ok {
				t.Errorf("package %s has no type %s", n.pkg, n.recv)
				continue
			}
			if m, _, _ := types.LookupFieldOrMethod(typ.Type(), true, pkg, n.fn); m == nil {
				t.Errorf("there is no method %s.%s", n.pkg, n.short())
			}
		}
	}
}

// names returns the functions and methods that the tables have.
func names() map[name]bool {
	all := map[name]bool{}
	for n := range starters {
		all[n] = true
	}
	for n := range unstarted {
		all[n] = true
	}
	for fn := range adapters {
		all[name{"pool", "", fn}] = true
	}
	return all
}
