"""Where a unit starts threads, and on which of its functions."""

import ast

from .accesses import refers

FIRST = {"submit", "apply_async", "map_async", "imap", "imap_unordered", "starmap", "starmap_async", "start_new_thread",
         "spawn", "spawn_later", "to_thread", "apply", "run_in_executor", "call_later_in_thread"}
MAPS = {"map", "map_async", "imap", "imap_unordered", "starmap", "starmap_async"}
PROCESSES = {"multiprocessing.pool.Pool", "concurrent.futures.ProcessPoolExecutor"}


class Start:
    def __init__(self, key, by, node, position, many, loop):
        self.key, self.by, self.node, self.position, self.many, self.loop = key, by, node, position, many, loop


def starts_in(unit):
    found = []
    if not hasattr(unit.file, "processes"):
        unit.file.processes = process_pools(unit.file)
    processes = unit.file.processes
    for f in list(unit.funcs.values()):
        visit(unit, f, f.node, [], found, processes)
    base = unit.kind == "class" and thread_class(unit.file, unit.node.name)
    if base and "run" in unit.funcs:
        own = [s for f in unit.funcs.values() for s in started_by_itself(f)]
        found += own or [Start("run", None, unit.node, None, False, None)]
    for name in getattr(unit, "classes", {}):
        if thread_class(unit.file, name) and name + ".run" in unit.funcs:
            made = [n for n in ast.walk(unit.file.tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == name]
            many = len(made) > 1 or any(in_loop(unit.file.tree, n) for n in made)
            found.append(Start(name + ".run", None, unit.node, None, many, None))
    return found


def started_by_itself(func):
    """Where a method of a thread starts it: self.start(), super().start()."""
    for n in ast.walk(func.node):
        if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "start" and isinstance(n.func, ast.Attribute):
            on = n.func.value
            itself = n.args or isinstance(on, ast.Call) and getattr(on.func, "id", "") == "super" or getattr(on, "id", "") == "self"
            if itself and (not n.args or getattr(n.args[0], "id", "") == "self"):
                yield Start("run", func.key, n, (n.lineno, n.col_offset), False, None)


def thread_class(file, name):
    seen = set()
    while name in file.project.classes and name not in seen:
        seen.add(name)
        name = file.project.classes[name]
    return name in ("threading.Thread", "threading.Timer")


def in_loop(tree, node):
    for n in ast.walk(tree):
        if isinstance(n, (ast.For, ast.While, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)):
            if any(m is node for m in ast.walk(n)):
                return True
    return False


def process_pools(file):
    """The names of pools of processes, which share nothing."""
    names = set()
    for n in ast.walk(file.tree):
        pairs = []
        if isinstance(n, ast.Assign):
            pairs = [(t, n.value) for t in n.targets]
        elif isinstance(n, ast.With):
            pairs = [(i.optional_vars, i.context_expr) for i in n.items]
        for target, value in pairs:
            if isinstance(value, ast.Call) and file.class_of(value.func) in PROCESSES:
                names.add(getattr(target, "attr", getattr(target, "id", None)))
    return names


def visit(unit, func, node, loops, found, processes):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            continue
        inner = loops
        if isinstance(child, (ast.For, ast.While, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)):
            inner = loops + [child]
        if isinstance(child, ast.Call):
            started = target_of(unit, func, child, processes)
            loop = loops[-1] if loops else None
            if started:
                called = getattr(child.func, "attr", getattr(child.func, "id", ""))
                found.append(Start(started, func.key, child, started_at(func, child), bool(loops) or called in MAPS, loop))
        visit(unit, func, child, inner, found, processes)


def started_at(func, call):
    """Where a thread begins to run: at the first start() behind the call that makes it, or there."""
    position = (call.lineno, call.col_offset)
    called = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if not called.endswith(("Thread", "Timer")):
        return position
    later = [(n.lineno, n.col_offset) for n in ast.walk(func.node)
             if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "start" and (n.lineno, n.col_offset) >= position]
    return min(later, default=position)


def target_of(unit, func, call, processes):
    """The function of the unit that a call runs in another thread."""
    node = target_node(unit, call, processes)
    if node is None:
        return None
    unit.started.update(id(n) for n in ast.walk(node))
    return refers(unit, func, node)


def target_node(unit, call, processes):
    f = call.func
    called = getattr(f, "attr", getattr(f, "id", ""))
    kind = unit.file.class_of(f)
    if called.endswith("Process") or kind in PROCESSES:
        return None
    for k in call.keywords:
        if k.arg == "target" and (called.endswith("Thread") or kind):
            return k.value
    if called.endswith("Thread") and len(call.args) > 1:
        return call.args[1]
    if called.endswith("Timer"):
        for k in call.keywords:
            if k.arg == "function":
                return k.value
        return call.args[1] if len(call.args) > 1 else None
    if called in FIRST or called == "map" and isinstance(f, ast.Attribute):
        on = f.value if isinstance(f, ast.Attribute) else None
        if getattr(on, "attr", getattr(on, "id", None)) in processes or isinstance(on, ast.Call) and unit.file.class_of(on.func) in PROCESSES:
            return None
        at = 1 if called in ("run_in_executor", "spawn_later") else 0
        return call.args[at] if len(call.args) > at else None
    return None
