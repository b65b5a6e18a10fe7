#!/usr/bin/env python3
"""Scans Python sources for what the Go module threading has an answer to.

It prints what each use of threading, queue, concurrent.futures and their like is
called in Go, and warns of data that only Python's global lock protects. It reads
the sources and runs none of them. See docs/tools.md and docs/porting.md.
"""

import argparse
import ast
import os
import sys
import warnings

from threadingport import names, races, report, table

SKIPPED = {".git", ".hg", ".tox", ".venv", "venv", "node_modules", "__pycache__", "site-packages", ".eggs"}


def sources(paths):
    """The files of the arguments, folders searched."""
    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        for folder, inside, files in os.walk(path):
            inside[:] = sorted(d for d in inside if d not in SKIPPED)
            for f in sorted(files):
                if f.endswith((".py", ".pyw")):
                    yield os.path.join(folder, f)


def read(path):
    with open(path, "rb") as f:
        raw = f.read()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of strange escapes in strings
        tree = ast.parse(raw, filename=path)
    import io
    import tokenize
    encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    return tree, raw.decode(encoding).lstrip("\ufeff")


def main(arguments=None):
    p = argparse.ArgumentParser(prog="port.py", description=__doc__.split("\n\n")[0],
                                epilog="Exit code 0, or 2 if no file could be read.")
    p.add_argument("paths", nargs="+", metavar="PATH", help="a file, or a folder to search")
    form = p.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--markdown", action="store_true", help="print a checklist")
    p.add_argument("--notes", action="store_true", help="print under each use what is different in Go")
    p.add_argument("--only", choices=("names", "warnings"), help="print only the one or the other")
    options = p.parse_args(arguments)

    for path in options.paths:
        if not os.path.exists(path):
            p.error("there is no %s" % path)
    # Paths are shown from the folder that was asked for, or as they were given.
    root = options.paths[0] if len(options.paths) == 1 and os.path.isdir(options.paths[0]) else None
    known, found, failed = table.load(), {}, []
    for path in sources(options.paths):
        shown = report.relative(path, root)
        try:
            found[shown] = read(path)
        except (SyntaxError, ValueError, OSError, RecursionError) as e:
            failed.append((shown, str(e)))
    uses, files = names.scan(known, found)
    dangers = races.scan(files)
    if options.only == "names":
        dangers = []
    if options.only == "warnings":
        uses = []
    summary = report.Summary(known, len(found), uses, dangers, failed)
    if options.json:
        report.as_json(summary, sys.stdout)
    elif options.markdown:
        report.markdown(summary, sys.stdout)
    else:
        report.text(summary, sys.stdout, options.notes)
    return 0 if found or not failed else 2


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    sys.setrecursionlimit(10000)
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # of a pager that was left
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 0
    sys.exit(code)
