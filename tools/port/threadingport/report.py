"""What was found, as text, as JSON and as a checklist in Markdown."""

import json
import os
import re

from . import table as tables

PACKAGES = ("lock rlock rwlock semaphore event condition barrier waitgroup timer sched thread queue pool coroutine "
            "greenlet socketserver selectors process manager cluster diagnose").split()


class Summary:
    def __init__(self, table, files, uses, warnings, failed):
        self.table, self.files, self.failed = table, files, failed
        self.uses = [u for u in uses if u.sure]
        self.maybe = [u for u in uses if not u.sure]
        self.warnings = warnings
        self.answered = sum(1 for u in self.uses if u.answers)

    def packages(self):
        found = set()
        for u in self.uses:
            for r in u.answers:
                found.update(p for p in PACKAGES if re.search(r"\b%s\.\w" % p, r.go))
                kind = u.name.split(" ")[0].split(".")[:-1]
                if kind and kind[-1].lower() in PACKAGES:
                    found.add(kind[-1].lower())
        return [p for p in PACKAGES if p in found]

    def line(self):
        concerned = {u.path for u in self.uses + self.maybe} | {w.path for w in self.warnings}
        return "%d files, %d of them concerned; %d uses, %d answered; %d maybe; %d warnings; packages: %s" % (
            self.files, len(concerned), len(self.uses), self.answered, len(self.maybe), len(self.warnings),
            " ".join(self.packages()) or "none")


def answer(table, use):
    """What a use becomes in Go."""
    if not use.answers:
        module = tables.canonical(use.name).rpartition(".")[0]
        section = table.section_of(module)
        return "no row: see " + tables.PAGE + ("#" + tables.slug(section) if section else "")
    return "; ".join(r.go for r in use.answers)


def sites(found):
    """(path, line, what is printed behind it), in the order of the places."""
    return sorted(found, key=lambda f: (f.path, f.line, f.column))


def text(summary, out, notes=False):
    for w in sites(summary.warnings):
        out.write("%s:%d: %s  %s: %s\n" % (w.path, w.line, w.text, w.kind, w.message))
    if summary.warnings:
        out.write("\n")
    told = set()
    for u in sites(summary.uses + summary.maybe):
        again = ""
        if not u.answers:
            if (u.path, u.name) in told:
                continue
            told.add((u.path, u.name))
            lines = [str(o.line) for o in sites(summary.uses) if (o.path, o.name) == (u.path, u.name) and o.line > u.line]
            again = ", as in line " + ", ".join(lines) if lines else ""
        out.write("%s:%d: %s  %s%s%s\n" % (u.path, u.line, u.text, "→ " if u.sure else "maybe → ",
                                         answer(summary.table, u), again))
        if notes:
            for r in u.answers:
                if r.note:
                    out.write("    " + r.note + "\n")
    for path, why in summary.failed:
        out.write("%s: not read: %s\n" % (path, why))
    out.write("summary: " + summary.line() + "\n")


def as_json(summary, out):
    def use(u):
        return {"file": u.path, "line": u.line, "column": u.column + 1, "python": u.text, "name": u.name, "sure": u.sure,
                "go": [r.go for r in u.answers], "notes": [r.note for r in u.answers if r.note],
                "see": [r.anchor for r in u.answers]}

    json.dump({
        "files": summary.files,
        "uses": [use(u) for u in sites(summary.uses + summary.maybe)],
        "warnings": [{"file": w.path, "line": w.line, "column": w.column + 1, "python": w.text, "kind": w.kind,
                      "message": w.message, "name": w.name} for w in sites(summary.warnings)],
        "failed": [{"file": path, "error": why} for path, why in summary.failed],
        "packages": summary.packages(),
        "summary": summary.line(),
    }, out, indent=1, ensure_ascii=False)
    out.write("\n")


def markdown(summary, out):
    out.write("# To port\n\n%s\n" % summary.line())
    if summary.warnings:
        out.write("\n## What the global lock hid\n\n")
        for w in sites(summary.warnings):
            out.write("- [ ] `%s:%d` %s **%s**: %s\n" % (w.path, w.line, code(w.text), w.kind, w.message))
    by_file = {}
    for u in sites(summary.uses + summary.maybe):
        by_file.setdefault(u.path, []).append(u)
    for path, uses in by_file.items():
        out.write("\n## %s\n\n" % path)
        for u in uses:
            notes = " ".join(r.note for r in u.answers if r.note)
            notes = re.sub(r"\]\(#", "](" + tables.PAGE + "#", notes)
            go = "; ".join(code(r.go) for r in u.answers) or answer(summary.table, u)
            out.write("- [ ] line %d: %s %s %s%s\n" % (u.line, code(u.text), "→" if u.sure else "maybe →", go,
                                                      ". " + notes if notes else ""))
    if summary.failed:
        out.write("\n## Not read\n\n")
        for path, why in summary.failed:
            out.write("- `%s`: %s\n" % (path, why))


def code(text):
    return "`` %s ``" % text if "`" in text else "`%s`" % text


def relative(path, root):
    return os.path.relpath(path, root).replace(os.sep, "/") if root else path
