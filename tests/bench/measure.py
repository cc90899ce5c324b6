"""Measures everything: tests/bench/run [--quick] [--update] [--json FILE]

Builds a release build, runs every benchmark of tests/bench, one after the other, and prints their figures as a Markdown
table. Writes them as JSON too, with what they were measured on.

  --json FILE  where the JSON goes; otherwise it is figures.json in the build
  --update     also rewrites the figures in docs/performance.md and its plots, and prints the rows of README.md
  --quick      runs little of everything: shows that the benchmarks work, says nothing of speed

The build is in build-bench/, or where $BUILD says. A figure that misses its target is told; only a benchmark that
does not work is a failure. On a machine that does other work at the time, the ratios still hold, by and large.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

import plots

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", "build-bench")
PAGE = ROOT / "docs" / "performance.md"
BEGIN = "<!-- What follows is written by tests/bench/run --update -->"
END = "<!-- Until here -->"

# README.md's rows: what, and the figures by their names.
README = [
    ("20,000 files opened, read and closed, one leaked, the leak found: by Leash",
     "{0} the time of the bare program; {1} without the quarter of a second that it waits for late closes",
     "a suite with one leak: Leash / plain",
     "a suite with one leak: Leash, not waiting for late closes / plain"),
    ("… by `valgrind --track-fds=yes`", "{0}; with `--tool=none` {1}",
     "a suite with one leak: valgrind --track-fds=yes / plain",
     "a suite with one leak: valgrind --tool=none --track-fds=yes / plain"),
    ("… written down by `strace -k`, to be searched", "{0}", "a suite with one leak: strace -k / plain"),
    ("a tracked open, read and close of a file", "{0} the system calls alone; {1} without a tracker",
     "open, read, close, where it is built: tracked / system calls",
     "open, read, close, where it is built: no tracker / system calls"),
    ("64 bytes written to and read from a tracked connection", "{0} the system calls alone",
     "64 bytes written and read, at hand: Leash / system calls"),
    ("a pair of track and untrack, with its stack of 16 frames",
     "{0}, {1} libunwind's `unw_backtrace()` alone; each of two threads {2} one alone", "16 frames: pair",
     "16 frames: pair / unw_backtrace()", "16 frames: pair in each of two threads / in one"),
    ("… without a stack (level count); at level off; without a tracker", "{0}; {1}; {2}", "pair, level count",
     "pair, level off", "pair without a tracker"),
    ("an open resource", "{0}, beside each different stack once", "an open resource, beside the depot, by tag, from 100 stacks"),
    ("a report of 1,000 places of 16 frames", "{0} the first time, {1} then",
     "report of 1,000 stacks of 16 frames: text, the first", "report of 1,000 stacks of 16 frames: text, then"),
]


def quietly(command):
    """Shows what a command printed only where it fails. Returns what it printed."""
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ran.returncode != 0:
        sys.exit(f"{ran.stdout}\ntests/bench/run: this failed, as told above: {' '.join(map(str, command))}")
    return ran.stdout


def introspect(what):
    return json.loads(quietly(["meson", "introspect", BUILD, f"--{what}"]))


def build(is_quick):
    """Returns the benchmarks: names and commands."""
    if not (BUILD / "build.ninja").exists():
        quietly(["meson", "setup", BUILD, "--buildtype=release", "-Ddebug=true"])
    options = {option["name"]: option["value"] for option in introspect("buildoptions")}
    if not is_quick and options["buildtype"] != "release":
        sys.exit(f"tests/bench/run: {BUILD} is no release build, and its figures would be none")
    benchmarks = introspect("benchmarks")
    if not benchmarks:
        sys.exit(f"tests/bench/run: there are no benchmarks in {BUILD}: was it set up without tests or tracking?")
    needed = {target for benchmark in benchmarks for target in benchmark["depends"]}
    files = [target["filename"][0] for target in introspect("targets") if target["id"] in needed]
    quietly(["ninja", "-C", BUILD, *(os.path.relpath(file, BUILD) for file in files)])
    return {benchmark["name"]: benchmark["cmd"] for benchmark in benchmarks}


def measure(name, command, options):
    """Runs one, and returns its figures."""
    print(f"tests/bench/run: {name} …", file=sys.stderr, flush=True)
    ran = subprocess.run([*command, "--json", *options], cwd=BUILD, capture_output=True, text=True)
    try:
        figures = [json.loads(line) for line in ran.stdout.splitlines()]
    except ValueError:
        figures = []
    if ran.returncode != 0 or not figures:
        sys.exit(f"{ran.stdout}{ran.stderr}\ntests/bench/run: {name} failed ({ran.returncode})")
    return figures


def check_names(names):
    """A name stands for one figure, and what is shown elsewhere is there."""
    wanted = {name for _, _, *row in README for name in row} | plots.NAMES
    faults = {name: "two figures of this name" for name in names if names.count(name) > 1}
    faults |= {name: "shown in README.md or a plot, measured nowhere" for name in wanted - set(names)}
    if faults:
        sys.exit("\n".join(f"tests/bench/run: {name}: {fault}" for name, fault in sorted(faults.items())))


def describe_machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith(("model name", "Model"))]
    versions = {each["name"]: each["version"] for each in introspect("dependencies")}
    compiler = introspect("targets")[0]["target_sources"][0]["compiler"]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "compiler": quietly([compiler[0], "--version"]).splitlines()[0],
        "C library": " ".join(platform.libc_ver()),
        "GLib": versions.get("glib-2.0", "?"),
        "libunwind": versions.get("libunwind", "?"),
    }


def get_commit():
    git = ["git", "-C", str(ROOT)]
    try:
        commit = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit.stdout.strip() + (" and changes" if changed.stdout.strip() else "")


def show(figure):
    value = figure["value"]
    if value is None:
        return "–"
    text = f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"
    return f"{text} {figure['unit']}"


def make_table(figures):
    lines = ["| figure | | at most | |", "|---|--:|--:|---|"]
    for figure in figures:
        at_most = figure.get("at_most")
        told = figure.get("note", "")
        if at_most is not None and figure["value"] is not None:
            told = "met" if figure["value"] <= at_most else "**missed**"
        lines.append(f"| {figure['name']} | {show(figure)} | {at_most or ''} | {told} |")
    return "\n".join(lines)


def make_readme_rows(figures):
    by_name = {figure["name"]: figure for figure in figures}
    return "\n".join(f"| {what} | {text.format(*(show(by_name[name]) for name in names))} |"
                     for what, text, *names in README)


def update(result):
    """Puts the figures into the page, between its marks."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    machine = "; ".join(f"{key}: {value}" for key, value in result["machine"].items())
    told = f"Measured on {result['date']} at commit {result['commit']}. {machine}.\n\n{make_table(result['figures'])}"
    PAGE.write_text(f"{before}{BEGIN}\n\n{told}\n\n{END}{after}", encoding="utf-8")
    plots.draw(result["figures"], ROOT / "docs" / "images")
    print(f"\nRows for README.md:\n\n{make_readme_rows(result['figures'])}")


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--json", type=argparse.FileType("w", encoding="utf-8"), metavar="FILE")
    options = parser.parse_args()
    if options.quick and options.update:
        parser.error("figures of a quick run are nothing to show: --quick and --update exclude each other")
    benchmarks = build(options.quick)
    figures = []
    for name, command in benchmarks.items():
        figures += measure(name, command, ["--quick"] if options.quick else [])
    result = {
        "date": datetime.date.today().isoformat(),
        "commit": get_commit(),
        "quick": options.quick,
        "machine": describe_machine(),
        "figures": figures,
    }
    check_names([figure["name"] for figure in figures])
    with options.json or open(BUILD / "figures.json", "w", encoding="utf-8") as file:
        file.write(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    print(make_table(figures))
    if options.update:
        update(result)
    print(f"The figures are in {file.name} too.", file=sys.stderr)


main()
