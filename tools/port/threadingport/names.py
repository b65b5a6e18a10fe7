"""Which names of the tables a program uses, and where."""

import ast
import re

from . import table as tables

# Methods that no other class is likely to have: told as "maybe" where nobody knows
# what they are called on.
TELLING = {
    "task_done", "put_nowait", "get_nowait", "notify_all", "notifyAll", "wait_for", "is_set", "isSet", "apply_async",
    "map_async", "starmap_async", "imap_unordered", "add_done_callback", "n_waiting", "serve_forever", "enterabs",
}
# What a with block is, where the tables have acquire and release.
WITH = {
    "threading.RLock": "r.Lock(); defer r.Unlock()",
    "threading.Condition": "c.Lock(); defer c.Unlock()",
    "threading.Semaphore": "s.Acquire(); defer s.Release()",
    "threading.BoundedSemaphore": "s.Acquire(); defer s.Release()",
}
SHORT = 60  # of what is printed of an expression


class Use:
    """A place where a name of the tables is used."""

    def __init__(self, path, node, text, name, answers, sure=True):
        self.path, self.line, self.column = path, node.lineno, node.col_offset
        self.text, self.name, self.answers, self.sure = text, name, answers, sure


class Project:
    """What is known of all files together."""

    def __init__(self, table):
        self.table = table
        self.classes = {}  # name of a class of the program: the known class that it extends, or None
        self.members = {}  # name of a class of the program: what it defines
        self.attributes = {}  # name of an attribute: the classes that it was seen with
        self.elements = {}  # the same for what is in it
        self.own = {}  # (path, class): {attribute: its class}
        self.outside = None  # what is called from outside of its class or module: see races
        self.generators = {}  # name of a function that yields: whether it is sent to

    def attribute(self, name):
        """The class of an attribute, if it is the same wherever one has this name."""
        found = self.attributes.get(name, set())
        return next(iter(found)) if len(found) == 1 else None

    def element(self, name):
        found = self.elements.get(name, set())
        return next(iter(found)) if len(found) == 1 else None

    def known(self, path):
        """The class of the tables that a dotted path leads to, or None."""
        real = tables.primitive(path)
        module, _, name = real.rpartition(".")
        if real in tables.SMALL_CLASSES or name[:1].isupper() and module in self.table.whole:
            return real
        if path in self.classes:
            return path
        return None


class File:
    """A source file: its imports, and the types of its variables."""

    def __init__(self, project, path, tree, source):
        self.project, self.path, self.tree = project, path, tree
        self.lines = re.split(b"\r\n|\n|\r", source.encode())  # as Python counts them, in the bytes that it counts
        self.imports = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for a in node.names:
                    if a.asname:
                        self.imports[a.asname] = a.name
                    else:
                        self.imports[a.name.split(".")[0]] = a.name.split(".")[0]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                for a in node.names:
                    self.imports[a.asname or a.name] = node.module + "." + a.name
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yields = [n for n in ast.walk(node) if isinstance(n, (ast.Yield, ast.YieldFrom))]
                if yields:
                    told = {id(n.value) for n in ast.walk(node) if isinstance(n, ast.Expr)}
                    sent = any(isinstance(n, ast.Yield) and id(n) not in told for n in yields)
                    project.generators[node.name] = project.generators.get(node.name, False) or sent
            if isinstance(node, ast.ClassDef):
                base = None
                for b in node.bases:
                    base = base or self.class_of(b)
                project.classes.setdefault(node.name, base)
                project.members.setdefault(node.name, set()).update(
                    f.name for f in node.body if isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef)))

    def dotted(self, node):
        """The path that a name, or attributes of one, lead to by the imports; or None."""
        if isinstance(node, ast.Name):
            return self.imports.get(node.id)
        if isinstance(node, ast.Attribute):
            above = self.dotted(node.value)
            return above and above + "." + node.attr
        return None

    def class_of(self, node):
        """The known class that an expression names."""
        path = self.dotted(node)
        if path:
            return self.project.known(path) or self.project.known(path.rpartition(".")[2])
        if isinstance(node, ast.Name):
            return self.project.known(node.id)
        if isinstance(node, ast.Subscript):  # Queue[int], Optional[Queue]
            inner = node.slice
            inner = getattr(inner, "value", inner) if type(inner).__name__ == "Index" else inner
            return self.class_of(node.value) or self.class_of(inner)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                return self.class_of(ast.parse(node.value, mode="eval").body)
            except SyntaxError:
                return None
        return None

    def ours(self, path):
        """Whether a path is in a module that has to do with concurrency."""
        return any(path == m or path.startswith(m + ".") for m in tables.MODULES) or \
            tables.canonical(path).rpartition(".")[0] in self.project.table.whole

    def line(self, number):
        return self.lines[number - 1].decode() if number <= len(self.lines) else ""

    def segment(self, node):
        """The source of a node on one line."""
        first, last = node.lineno - 1, node.end_lineno - 1
        if first == last:
            found = self.lines[first][node.col_offset:node.end_col_offset]
        else:
            found = b" ".join([self.lines[first][node.col_offset:]] + self.lines[first + 1:last] + [self.lines[last][:node.end_col_offset]])
        return re.sub(r"\s+", " ", found.decode())

    def text(self, node):
        found = self.segment(node) if hasattr(node, "end_lineno") else ""
        called = node.func if isinstance(node, ast.Call) else node
        if len(found) > SHORT and isinstance(called, ast.Attribute) and isinstance(called.value, ast.Call):
            found = "…" + found[len(self.segment(called.value)):]
        return found if len(found) <= SHORT else found[:SHORT - 1] + "…"


class Scope:
    """The variables of a function, with those around it."""

    def __init__(self, outer=None, owner=None):
        self.outer, self.owner = outer, owner or (outer and outer.owner)
        self.types, self.contents = {}, {}
        self.function = None

    def find(self, name, what="types"):
        scope = self
        while scope:
            if name in getattr(scope, what) and (scope is self or not isinstance(scope, Class)):
                return getattr(scope, what)[name]
            scope = scope.outer
        return None


class Class(Scope):
    """The body of a class, and the attributes of its instances."""

    def __init__(self, outer, name, attributes):
        super().__init__(outer, self)
        self.name, self.attributes = name, attributes


class Walker(ast.NodeVisitor):
    """Goes through a file twice: to learn the types, and then to tell the uses."""

    def __init__(self, file, uses=None):
        self.file, self.project, self.table, self.uses = file, file.project, file.project.table, uses
        self.scope = Scope()
        self.told = set()

    # What is known of an expression.

    def type_of(self, node):
        if isinstance(node, ast.Call):
            path = self.file.dotted(node.func)
            if path and tables.canonical(path) in tables.FUNCTIONS:
                return tables.FUNCTIONS[tables.canonical(path)]
            found = self.file.class_of(node.func)
            if found:
                return found
            called = getattr(node.func, "attr", getattr(node.func, "id", None))
            if not path and called in self.project.generators:
                return "Generators" if self.project.generators[called] else "Generators.plain"
            if isinstance(node.func, ast.Attribute):
                on = self.base(self.type_of(node.func.value))
                return tables.RETURNS.get((on, node.func.attr))
            return None
        if isinstance(node, ast.Name):
            return self.scope.find(node.id)
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls") and self.scope.owner:
                found = self.scope.owner.attributes.get(node.attr)
                if found:
                    return found
            return self.project.attribute(node.attr)
        if isinstance(node, ast.BoolOp):
            return next((t for t in map(self.type_of, node.values) if t), None)
        if isinstance(node, ast.IfExp):
            return self.type_of(node.body) or self.type_of(node.orelse)
        if isinstance(node, ast.Subscript):
            return self.element_of(node.value)
        if type(node).__name__ == "NamedExpr":
            return self.type_of(node.value)
        return None

    def element_of(self, node):
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            return next((t for t in map(self.type_of, node.elts) if t), None)
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
            return self.type_of(node.elt)
        if isinstance(node, ast.DictComp):
            return self.type_of(node.value) or self.type_of(node.key)
        if isinstance(node, ast.Dict):
            return next((t for t in map(self.type_of, node.values) if t), None)
        if isinstance(node, ast.Name):
            return self.scope.find(node.id, "contents")
        if isinstance(node, ast.Attribute):
            return self.project.element(node.attr)
        if isinstance(node, ast.Call):
            path = self.file.dotted(node.func)
            if path and tables.canonical(path) in tables.ELEMENTS:
                return tables.ELEMENTS[tables.canonical(path)]
            if isinstance(node.func, ast.Name) and node.func.id in ("list", "tuple", "set", "sorted", "reversed") and node.args:
                return self.element_of(node.args[0])
            if isinstance(node.func, ast.Attribute) and node.func.attr in ("values", "copy"):
                return self.element_of(node.func.value)
        if isinstance(node, ast.Subscript):
            return self.element_of(node.value)
        return None

    def base(self, name):
        """The class of the tables that a class is, or extends."""
        seen = set()
        while name in self.project.classes and name not in seen:
            seen.add(name)
            name = self.project.classes[name]
        return name

    def bind(self, target, value):
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for t, v in zip(target.elts, value.elts):
                self.bind(t, v)
            return
        self.name(target, self.type_of(value), self.element_of(value))

    def name(self, target, kind, content=None):
        if isinstance(target, ast.Name):
            if kind:
                self.scope.types[target.id] = kind
                if isinstance(self.scope, Class):
                    self.scope.attributes[target.id] = kind
                    self.project.attributes.setdefault(target.id, set()).add(kind)
            elif target.id in self.scope.types:
                del self.scope.types[target.id]
            if content:
                self.scope.contents[target.id] = content
        elif isinstance(target, ast.Attribute):
            if kind:
                if isinstance(target.value, ast.Name) and target.value.id == "self" and self.scope.owner:
                    self.scope.owner.attributes[target.attr] = kind
                self.project.attributes.setdefault(target.attr, set()).add(kind)
            if content:
                self.project.elements.setdefault(target.attr, set()).add(content)
        elif isinstance(target, ast.Subscript) and kind:
            self.name(target.value, None, kind)

    # What is told.

    def tell(self, node, name, answers, sure=True):
        if self.uses is None or not answers:
            return
        key = (node.lineno, node.col_offset, name)
        if key not in self.told:
            self.told.add(key)
            self.uses.append(Use(self.file.path, node, self.file.text(node), name, answers, sure))

    def unknown(self, node, path):
        if self.uses is not None and (node.lineno, node.col_offset, path) not in self.told:
            self.told.add((node.lineno, node.col_offset, path))
            self.uses.append(Use(self.file.path, node, self.file.text(node), path, []))

    def arguments(self, call):
        if self.uses is None:
            return []
        found = [(i, self.file.text(a)) for i, a in enumerate(call.args) if not isinstance(a, ast.Starred)]
        return found + [(k.arg, self.file.text(k.value)) for k in call.keywords if k.arg]

    def member(self, node, kind, attr, call=None):
        """A member of something of a known class."""
        own = kind in self.project.classes
        if own and attr in self.project.members.get(kind, ()):
            return False
        base = self.base(kind)
        if not base:
            return False
        patterns = self.table.patterns(base, attr)
        if not patterns:
            if base == "threading.local":
                shape = {ast.Store: "store", ast.Del: "del"}.get(type(node.ctx), "load") if isinstance(node, ast.Attribute) else "load"
                patterns = self.table.patterns(base, shape)
            if not patterns:
                return False
        rows = self.table.answers(patterns, self.arguments(call), None) if call else [patterns[0].answer()]
        module = base.rpartition(".")[0]
        if call:
            for k in call.keywords:
                row = self.table.keywords.get(module, {}).get(k.arg)
                if row and row not in [a.row for a in rows]:
                    rows.append(tables.Answer(row, row.go))
        self.tell(call or node, base + "." + attr, rows)
        return True

    def path(self, node, path, call=None):
        """Something that is reached by an import."""
        patterns = self.table.of_module(path) or self.table.of_module(tables.canonical(path))
        if not patterns and path.rpartition(".")[0] in ("time",):
            return False
        if not patterns:
            if path in tables.MODULES or path in self.table.modules or not self.file.ours(path):
                return False
            whole = path.rpartition(".")[0]
            if whole and self.project.known(whole):  # threading.Thread.run
                return self.member(node, self.project.known(whole), path.rpartition(".")[2], call)
            if call or isinstance(node, (ast.Name, ast.Attribute)):
                self.unknown(call or node, path)
            return True
        rows = self.table.answers(patterns, self.arguments(call), tables.canonical(path)) if call else [patterns[0].answer()]
        self.tell(call or node, tables.canonical(path), rows)
        return True

    def shape(self, node, on, name):
        """A statement or an operator, such as with or len, on something of a known class."""
        kind = self.base(self.type_of(on))
        if kind and kind != "Generators.plain":
            patterns = self.table.patterns(kind, name) if name in self.table.index.get(kind, {}) else \
                self.table.index.get(kind.rpartition(".")[0], {}).get(name, [])
            if patterns:
                self.tell(node, kind + " " + name, [patterns[0].answer()])
            elif name == "with":
                patterns = self.table.patterns(kind, "with")
                like = kind if kind in WITH else tables.BASES.get(kind)
                if patterns:
                    self.tell(node, kind + " with", [patterns[0].answer()])
                elif like in WITH:
                    self.tell(node, kind + " with", [tables.Answer(self.table.patterns(kind, "acquire")[0].row, WITH[like])])

    # The nodes.

    def visit_ClassDef(self, node):
        for b in node.bases + node.decorator_list + [k.value for k in node.keywords]:
            self.visit(b)
        attributes = self.project.own.setdefault((self.file.path, node.name), {})
        inner, self.scope = self.scope, Class(self.scope, node.name, attributes)
        base = self.base(node.name)
        for f in node.body:
            if isinstance(f, ast.FunctionDef) and base and self.table.patterns(base, f.name):
                if f.name in ("run", "handle", "setup", "finish", "handle_error", "verify_request", "service_actions",
                              "handle_timeout", "get_request", "_init", "_put", "_get", "_qsize") or \
                        f.name == "__init__" and base == "threading.local":
                    first = ast.copy_location(ast.Name(id=f.name, ctx=ast.Load()), f)
                    if self.uses is not None:
                        self.uses.append(Use(self.file.path, first, "def " + f.name, base + "." + f.name,
                                             [self.table.patterns(base, f.name)[0].answer()]))
        known = {}
        for t in (ast.Assign,):
            for a in node.body:
                if isinstance(a, t) and base:
                    for target in a.targets:
                        if isinstance(target, ast.Name) and self.table.patterns(base, target.id):
                            known[target.id] = target
        for name, target in known.items():
            self.tell(target, base + "." + name, [self.table.patterns(base, name)[0].answer()])
        for n in node.body:
            self.visit(n)
        self.scope = inner

    def visit_FunctionDef(self, node):
        for d in node.decorator_list:
            self.visit(d)
        self.function(node, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node):
        self.function(node, [node.body])

    def function(self, node, body):
        inner, self.scope = self.scope, Scope(self.scope)
        self.scope.function = getattr(node, "name", None)
        args = node.args
        for a in list(getattr(args, "posonlyargs", [])) + args.args + args.kwonlyargs:
            self.scope.types[a.arg] = None
            if a.annotation is not None:
                self.visit(a.annotation)
                self.scope.types[a.arg] = self.file.class_of(a.annotation)
        for d in args.defaults + [d for d in args.kw_defaults if d]:
            self.visit(d)
        for n in body:
            self.visit(n)
        self.scope = inner

    def generators(self, name):
        return [p.answer() for p in self.table.index.get("Generators", {}).get(name, [])][:1]

    def visit_Yield(self, node):
        if self.project.generators.get(self.scope.function) and node.value is not None:
            self.tell(node, "yield", self.generators("yield value"))
        self.generic_visit(node)

    def visit_YieldFrom(self, node):
        self.tell(node, "yield from", self.generators("yield from"))
        self.generic_visit(node)

    def visit_Assign(self, node):
        self.visit(node.value)
        for t in node.targets:
            self.bind(t, node.value)
            self.visit(t)

    def visit_AnnAssign(self, node):
        self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
            self.bind(node.target, node.value)
        kind = self.file.class_of(node.annotation)
        if kind and not (node.value is not None and self.type_of(node.value)):
            self.name(node.target, kind)
        self.visit(node.target)

    def visit_NamedExpr(self, node):
        self.visit(node.value)
        self.bind(node.target, node.value)

    def visit_With(self, node):
        for item in node.items:
            self.visit(item.context_expr)
            self.shape(item.context_expr, item.context_expr, "with")
            if item.optional_vars is not None:
                self.bind(item.optional_vars, item.context_expr)
        for n in node.body:
            self.visit(n)

    visit_AsyncWith = visit_With

    def visit_For(self, node):
        self.visit(node.iter)
        self.shape(node, node.iter, "for")
        self.name(node.target, self.element_of(node.iter) or None)
        for n in node.body + node.orelse:
            self.visit(n)

    def comprehension(self, node):
        inner, self.scope = self.scope, Scope(self.scope)
        for g in node.generators:
            self.visit(g.iter)
            self.shape(g.iter, g.iter, "for")
            self.name(g.target, self.element_of(g.iter))
            for i in g.ifs:
                self.visit(i)
        for part in ("elt", "key", "value"):
            if hasattr(node, part):
                self.visit(getattr(node, part))
        self.scope = inner

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = comprehension

    def visit_Compare(self, node):
        for op, right in zip(node.ops, node.comparators):
            if isinstance(op, (ast.In, ast.NotIn)):
                self.shape(node, right, "in")
        self.generic_visit(node)

    def visit_BinOp(self, node):
        if isinstance(node.op, ast.Add):
            self.shape(node, node.left, "+")
        self.generic_visit(node)

    def visit_Subscript(self, node):
        self.shape(node, node.value, "setitem" if isinstance(node.ctx, ast.Store) else "getitem")
        self.generic_visit(node)

    def visit_Call(self, node):
        f = node.func
        path = self.file.dotted(f)
        done = False
        if path:
            done = self.path(f, path, node)
        elif isinstance(f, ast.Name) and self.project.generators.get(f.id):
            self.tell(node, "generator", self.generators("def"))
        elif isinstance(f, ast.Name) and f.id in ("len", "bool", "next") and node.args:
            self.shape(node, node.args[0], f.id)
        elif isinstance(f, ast.Attribute):
            self.visit(f.value)
            done = True
            kind = self.type_of(f.value)
            if isinstance(f.value, ast.Name) and f.value.id == "self" and not kind:
                kind = self.self_class()
            if isinstance(f.value, ast.Call) and isinstance(f.value.func, ast.Name) and f.value.func.id == "super":
                kind = self.base(self.self_class())
            if kind:
                self.member(f, kind, f.attr, node)
                if f.attr in ("append", "appendleft", "add") and node.args:
                    self.name(f.value, kind, self.type_of(node.args[0]))
            else:
                if f.attr in ("append", "appendleft", "add") and len(node.args) == 1 and self.type_of(node.args[0]):
                    self.name(f.value, None, self.type_of(node.args[0]))
                if f.attr in TELLING and self.concurrent():
                    self.maybe(f, node)
        if not done:
            self.visit(f)
        for a in node.args:
            self.visit(a)
        for k in node.keywords:
            self.visit(k.value)

    def self_class(self):
        return self.scope.owner.name if self.scope.owner else None

    def concurrent(self):
        return any(self.file.ours(p) for p in self.file.imports.values())

    def maybe(self, f, call):
        for owner in self.table.index:
            patterns = self.table.index[owner].get(f.attr)
            if patterns and owner not in ("Generators",):
                self.tell(call, f.attr, self.table.answers(patterns, self.arguments(call)), sure=False)
                return

    def visit_Attribute(self, node):
        path = self.file.dotted(node)
        if path:
            if self.path(node, path):
                return
        else:
            kind = self.type_of(node.value)
            if isinstance(node.value, ast.Name) and node.value.id == "self" and not kind:
                kind = self.self_class()
            if kind:
                self.member(node, kind, node.attr)
        self.visit(node.value)

    def visit_Name(self, node):
        path = self.file.imports.get(node.id)
        if path and isinstance(node.ctx, ast.Load):
            self.path(node, path)
        elif node.id in ("GeneratorExit", "StopIteration") and isinstance(node.ctx, ast.Load):
            self.tell(node, node.id, self.generators(node.id))


def scan(table, sources):
    """The uses in {path: (tree, source)}, and the files."""
    project = Project(table)
    for _ in range(2):  # twice, for the bases of classes in other files
        files = [File(project, path, tree, source) for path, (tree, source) in sorted(sources.items())]
    for _ in range(2):
        for f in files:
            Walker(f).visit(f.tree)
    uses = []
    for f in files:
        Walker(f, uses).visit(f.tree)
    uses.sort(key=lambda u: (u.path, u.line, u.column))
    return uses, files
