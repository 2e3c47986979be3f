#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
coverage.py LOGS BUILD LEAST: what the tests on debug kernels ran of kmod/

LOGS has NAME/out/gcov/*.gcda, one folder per virtual machine (left by finish()
of tests/net/lib.sh), of modules built in BUILD/KERNEL, where NAME begins with
KERNEL and "-". A line counts as run when any machine ran it. Writes
LOGS/coverage.txt, LOGS/coverage.html; fails below LEAST per cent of lines.
"""
import collections
import html
import json
import os
import subprocess
import sys
import tempfile

logs, build, least = sys.argv[1], sys.argv[2], float(sys.argv[3])
lines = collections.defaultdict(lambda: collections.defaultdict(int))
branches = collections.defaultdict(lambda: collections.defaultdict(lambda: collections.defaultdict(int)))


def read(kernel, folder):
    """Add the counters of one machine. gcov wants notes and data side by side."""
    with tempfile.TemporaryDirectory() as tmp:
        for name in os.listdir(folder):
            note = os.path.join(build, kernel, "kmod", name[:-4] + "gcno")
            if not name.endswith(".gcda") or not os.path.exists(note):
                continue
            for path in (note, os.path.join(folder, name)):
                with open(path, "rb") as source, \
                        open(os.path.join(tmp, os.path.basename(path)), "wb") as copy:
                    copy.write(source.read())
            said = subprocess.run(["gcov", "-b", "-j", "-t", name], cwd=tmp, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            if said.returncode:
                print("# %s/%s: counters of another build" % (folder, name))
                continue
            for line in said.stdout.splitlines():
                for file in json.loads(line)["files"]:
                    add(file)


def add(file):
    at = file["file"].find("/kmod/")
    name = file["file"][at + 1:] if at >= 0 else file["file"]
    if not name.startswith("kmod/"):
        return
    for line in file["lines"]:
        number = line["line_number"]
        lines[name][number] += line["count"]
        for i, branch in enumerate(line["branches"]):
            branches[name][number][i] += branch["count"]


def share(some, all_):
    return 100.0 * some / all_ if all_ else 100.0


def report(out):
    total = [0, 0, 0, 0]
    rows = []
    for name in sorted(lines):
        run = sum(count > 0 for count in lines[name].values())
        ways = [count for line in branches[name].values() for count in line.values()]
        row = [run, len(lines[name]), sum(count > 0 for count in ways), len(ways)]
        total = [a + b for a, b in zip(total, row)]
        missed = [n for n in sorted(lines[name]) if not lines[name][n]]
        rows.append((name, row, missed))
    for name, row, missed in rows + [("all", total, [])]:
        print("%-24s %5.1f %% of %4d lines  %5.1f %% of %4d branches  %s" % (
            name, share(*row[:2]), row[1], share(*row[2:]), row[3],
            " ".join(map(str, missed))), file=out)
    return rows, share(*total[:2]), share(*total[2:])


def picture(rows, out):
    """The sources, with what was run, was not, and has branches never taken."""
    print("<!doctype html><meta charset=utf-8><title>coverage of kmod</title><style>"
          "pre{margin:0}.n{background:#fcc}.b{background:#ffc}.y{background:#dfd}"
          "td{padding:0 1em}</style><table>", file=out)
    for name, row, _ in rows:
        print("<tr><td><a href='#%s'>%s</a><td>%.1f %% of lines<td>%.1f %% of branches" % (
            name, name, share(*row[:2]), share(*row[2:])), file=out)
    print("</table>", file=out)
    for name, _, _ in rows:
        print("<h2 id='%s'>%s</h2>" % (name, name), file=out)
        with open(name, encoding="utf-8") as f:
            for number, text in enumerate(f, 1):
                kind = ""
                if number in lines[name]:
                    kind = "y" if lines[name][number] else "n"
                    if kind == "y" and 0 in branches[name][number].values():
                        kind = "b"
                print("<pre class='%s'>%8s %5d  %s</pre>" % (
                    kind, lines[name].get(number, ""), number, html.escape(text.rstrip())), file=out)


def main():
    machines = 0
    for name in sorted(os.listdir(logs)):
        folder = os.path.join(logs, name, "out", "gcov")
        kernel = next((k for k in sorted(os.listdir(build), reverse=True)
                       if k.endswith("-debug") and name.startswith(k + "-")), None)
        if kernel and os.path.isdir(folder):
            read(kernel, folder)
            machines += 1
    if not lines:
        sys.exit("not ok coverage: no machine left any counters")
    with open(os.path.join(logs, "coverage.txt"), "w") as f:
        rows, of_lines, of_branches = report(f)
    with open(os.path.join(logs, "coverage.html"), "w") as f:
        picture(rows, f)
    for name, row, _ in rows:
        print("#   %-22s %5.1f %% of lines, %5.1f %% of branches" % (
            name, share(*row[:2]), share(*row[2:])))
    print("%s coverage: %.1f %% of the lines and %.1f %% of the branches of kmod, in %d machines (%g %% of lines wanted)" % (
        "ok" if of_lines >= least else "not ok", of_lines, of_branches, machines, least))
    return of_lines < least


sys.exit(main())
