package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
)

// A break is found by its function and its syntax: in the function Func of the
// File, Old stands once. Old is an expression or statements. In it, $x stands
// for any expression, the same at each place, and $*x for any statements. New
// may use both. So the layout of the code, its comments and, with $x, its names
// may change, and the break keeps its place.

// broken returns the text of the file with the break in it.
func (m mutant) broken(root string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, m.File))
	if err != nil {
		return nil, err
	}
	out, err := m.breakText(text)
	if err != nil {
		return nil, fmt.Errorf("%q in %s: %w", m.Name, m.File, err)
	}
	return out, nil
}

func (m mutant) breakText(text []byte) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, m.File, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	fn := findFunc(file, m.Func)
	if fn == nil {
		return nil, fmt.Errorf("there is no function %s", m.Func)
	}
	old, err := parsePattern(m.Old)
	if err != nil {
		return nil, fmt.Errorf("pattern Old: %w", err)
	}
	found := old.find(fn.Body)
	if len(found) != 1 {
		return nil, fmt.Errorf("pattern Old is %d times in %s, want once", len(found), m.Func)
	}
	at := found[0]
	offset := func(p token.Pos) int { return fset.Position(p).Offset }
	replacement := metavariable.ReplaceAllStringFunc(m.New, func(name string) string {
		nodes := at.bound[mangled(name)]
		if len(nodes) == 0 {
			return ""
		}
		return string(text[offset(nodes[0].Pos()):offset(nodes[len(nodes)-1].End())])
	})
	var out bytes.Buffer
	out.Write(text[:offset(at.from)])
	out.WriteString(replacement)
	out.Write(text[offset(at.to):])
	if _, err := format.Source(out.Bytes()); err != nil {
		return nil, fmt.Errorf("replacement New: %w", err)
	}
	return out.Bytes(), nil
}

// findFunc returns the declaration of a function by its name, Func or Type.Func.
func findFunc(file *ast.File, name string) *ast.FuncDecl {
	for _, decl := range file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		full := fn.Name.Name
		if fn.Recv != nil {
			full = receiver(fn.Recv.List[0].Type) + "." + full
		}
		if full == name {
			return fn
		}
	}
	return nil
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// A pattern is an expression or statements.
type pattern struct {
	expr  ast.Expr
	stmts []ast.Stmt
}

var metavariable = regexp.MustCompile(`\$\*?\w+`)

const one, many = "ExactlyOne_", "Many_"

// mangled turns $x and $*x into identifiers, so that a pattern is Go.
func mangled(name string) string {
	if rest, ok := strings.CutPrefix(name, "$*"); ok {
		return many + rest
	}
	return one + name[1:]
}

func parsePattern(text string) (pattern, error) {
	text = metavariable.ReplaceAllStringFunc(text, mangled)
	if e, err := parser.ParseExpr(text); err == nil && !strings.HasPrefix(text, many) {
		return pattern{expr: e}, nil
	}
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p; func _() {\n"+text+"\n}", parser.SkipObjectResolution)
	if err != nil {
		return pattern{}, err
	}
	stmts := file.Decls[0].(*ast.FuncDecl).Body.List
	if len(stmts) == 0 {
		return pattern{}, errors.New("it is empty")
	}
	return pattern{stmts: stmts}, nil
}

// A match is where a pattern was found, and what its metavariables stand for.
type match struct {
	from, to token.Pos
	bound    map[string][]ast.Node
}

func (p pattern) find(body ast.Node) (found []match) {
	ast.Inspect(body, func(n ast.Node) bool {
		if p.expr != nil {
			if e, ok := n.(ast.Expr); ok {
				m := match{e.Pos(), e.End(), map[string][]ast.Node{}}
				if m.same(reflect.ValueOf(p.expr), reflect.ValueOf(e)) {
					found = append(found, m)
				}
			}
			return true
		}
		list := statements(n)
		for i := range list {
			m := match{bound: map[string][]ast.Node{}}
			if n, ok := m.prefix(p.stmts, list[i:], false); ok && n > 0 {
				m.from, m.to = list[i].Pos(), list[i+n-1].End()
				found = append(found, m)
			}
		}
		return true
	})
	return found
}

func statements(n ast.Node) []ast.Stmt {
	switch n := n.(type) {
	case *ast.BlockStmt:
		return n.List
	case *ast.CaseClause:
		return n.Body
	case *ast.CommClause:
		return n.Body
	}
	return nil
}

// prefix matches patterns with the first of the statements, or with all, and returns with how many.
func (m *match) prefix(patterns, list []ast.Stmt, all bool) (n int, ok bool) {
	for i, p := range patterns {
		if name := metaName(p); strings.HasPrefix(name, many) {
			for skip := 0; skip <= len(list)-n; skip++ { // as few as possible
				rest := match{bound: m.bound}
				if more, ok := rest.prefix(patterns[i+1:], list[n+skip:], all); ok {
					for _, s := range list[n : n+skip] {
						m.bound[name] = append(m.bound[name], s)
					}
					return n + skip + more, true
				}
			}
			return 0, false
		}
		if n == len(list) || !m.same(reflect.ValueOf(p), reflect.ValueOf(list[n])) {
			return 0, false
		}
		n++
	}
	return n, !all || n == len(list)
}

// metaName returns the name if the node is a metavariable, as an expression or a statement.
func metaName(n any) string {
	if s, ok := n.(*ast.ExprStmt); ok {
		n = s.X
	}
	if id, ok := n.(*ast.Ident); ok && id != nil && (strings.HasPrefix(id.Name, one) || strings.HasPrefix(id.Name, many)) {
		return id.Name
	}
	return ""
}

var (
	posType  = reflect.TypeFor[token.Pos]()
	stmtList = reflect.TypeFor[[]ast.Stmt]()
)

// same compares two nodes, but not where they stand.
func (m *match) same(p, v reflect.Value) bool {
	if p.Kind() == reflect.Interface {
		p = p.Elem()
	}
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !p.IsValid() || !v.IsValid() {
		return p.IsValid() == v.IsValid()
	}
	if name := metaName(p.Interface()); strings.HasPrefix(name, one) {
		node, ok := v.Interface().(ast.Expr)
		if !ok {
			return false
		}
		if before := m.bound[name]; before != nil {
			return (&match{bound: map[string][]ast.Node{}}).same(reflect.ValueOf(before[0]), v)
		}
		m.bound[name] = []ast.Node{node}
		return true
	}
	if p.Type() != v.Type() {
		return false
	}
	switch p.Type() {
	case posType:
		return true
	case stmtList:
		_, ok := m.prefix(p.Interface().([]ast.Stmt), v.Interface().([]ast.Stmt), true)
		return ok
	}
	switch p.Kind() {
	case reflect.Pointer:
		if p.IsNil() || v.IsNil() {
			return p.IsNil() == v.IsNil()
		}
		return m.same(p.Elem(), v.Elem())
	case reflect.Struct:
		for i := range p.NumField() {
			if !m.same(p.Field(i), v.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if p.Len() != v.Len() {
			return false
		}
		for i := range p.Len() {
			if !m.same(p.Index(i), v.Index(i)) {
				return false
			}
		}
		return true
	}
	return p.Interface() == v.Interface()
}
