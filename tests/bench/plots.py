"""The plots of docs/performance.md: bars, as SVG written by hand. Used by measure.py."""

import html
import math

WIDTH, LABELS, VALUES, BAR, STEP = 860, 330, 150, 16, 26
COLORS = {"other": "#6b7280", "leash": "#61afef", "met": "#98c379", "missed": "#e06c75", "line": "#3c4048",
          "text": "#d6dae0", "dim": "#9aa1ab", "ground": "#181a1f", "target": "#e5c07b"}

# Per plot: name, title, unit, and bars: (label, figure's name, colour).
COSTS = ("performance-stack", "A pair of track and untrack below 16 frames, beside ways to take a stack", "ns", [
    ("unw_step() in a loop", "16 frames: unw_step()", "other"),
    ("backtrace() of glibc", "16 frames: backtrace() of glibc", "other"),
    ("naive pair: unw_backtrace(), hash table", "16 frames: naive pair", "other"),
    ("unw_backtrace() alone", "16 frames: unw_backtrace()", "other"),
    ("frame pointers alone, all built with them", "16 frames: frame pointers", "other"),
    ("Leash, LEASH_CAPTURE=unwind", "16 frames: pair, unwinding", "leash"),
    ("Leash", "16 frames: pair", "leash"),
    ("Leash, in a process with threads", "16 frames: pair, with threads", "leash"),
    ("Leash, level sample:100", "pair, level sample:100", "leash"),
    ("Leash, level count", "pair, level count", "leash"),
    ("Leash, level off", "pair, level off", "leash"),
    ("Leash, no tracker", "pair without a tracker", "leash"),
])
TOOLS = ("performance-tools", "20,000 files opened, read and closed, one of them leaked: times the bare program", "x", [
    ("strace -k", "a suite with one leak: strace -k / plain", "other"),
    ("strace -y", "a suite with one leak: strace -y / plain", "other"),
    ("valgrind --track-fds=yes", "a suite with one leak: valgrind --track-fds=yes / plain", "other"),
    ("… --tool=none", "a suite with one leak: valgrind --tool=none --track-fds=yes / plain", "other"),
    ("Leash", "a suite with one leak: Leash / plain", "leash"),
    ("Leash, not waiting for late closes",
     "a suite with one leak: Leash, not waiting for late closes / plain", "leash"),
])
# Label, figure's name.
TARGETS = [
    ("pair / unw_backtrace(), 16 frames", "16 frames: pair / unw_backtrace()"),
    ("… in a process with threads", "16 frames: pair, with threads / unw_backtrace()"),
    ("pair / naive pair, 16 frames", "16 frames: pair / naive pair"),
    ("pair in each of two threads / in one", "16 frames: pair in each of two threads / in one"),
    ("paths that move / unwinding", "1,000 paths that move: pair / pair, unwinding"),
    ("… after the first million",
     "1,000 paths that move: pair, after the first million / pair, unwinding"),
    ("paths that never repeat / unwinding", "paths that never repeat: pair / pair, unwinding"),
    ("open, read, close / system calls", "open, read, close, where it is built: tracked / system calls"),
    ("… in memory", "open, read, close, in memory: tracked / system calls"),
    ("the first report / libdw alone", "report, text, the first, to libdw"),
    ("bytes of an open resource", "an open resource, beside the depot, by tag, from 100 stacks"),
]
NAMES = {name for *_, bars in (COSTS, TOOLS) for _, name, _ in bars} | {name for _, name in TARGETS}


def text(x, y, content, anchor="start", color="text", size=13):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{COLORS[color]}" font-size="{size}">'
            f"{html.escape(content)}</text>")


def rectangle(x, y, width, height, color, radius=2):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1.5):.1f}" height="{height}" rx="{radius}" '
            f'fill="{COLORS[color]}"/>')


def line(x, top, bottom, color):
    return f'<path d="M{x:.1f} {top:.1f}V{bottom:.1f}" stroke="{COLORS[color]}"/>'


def show(value, unit):
    digits = f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"
    return digits + ("x" if unit == "x" else f" {unit}").replace("x", " ×")


def wrap(title, note, height, parts):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, '
        f'\'DejaVu Sans\', sans-serif">',
        # Text is not to be crossed by lines.
        f'<style>text {{ paint-order: stroke; stroke: {COLORS["ground"]}; stroke-width: 4 }}</style>',
        rectangle(0, 0, WIDTH, height, "ground", 8),
        text(20, 30, title, size=15),
        text(20, 50, note, color="dim", size=12),
        *parts, "</svg>", ""])


def draw_bars(path, title, note, bars, scale, ticks):
    """Bars are (label, value's text, value, colour, target or None); scale tells where between 0 and 1 a value ends."""
    top, room = 70, WIDTH - LABELS - VALUES
    bottom = top + STEP * len(bars)
    parts = []
    for value, label in ticks:
        x = LABELS + room * scale(value)
        parts += [line(x, top, bottom, "line"), text(x, bottom + 18, label, "middle", "dim", 12)]
    for number, (label, shown, value, color, target) in enumerate(bars):
        y = top + STEP * number + (STEP - BAR) / 2
        end = LABELS + room * min(scale(value), 1)
        parts += [text(LABELS - 10, y + BAR - 3.5, label, "end"), rectangle(LABELS, y, end - LABELS, BAR, color)]
        if target is not None:
            parts.append(line(LABELS + room * scale(target), y - 4, y + BAR + 4, "target"))
            end = max(end, LABELS + room * scale(target))
        parts.append(text(end + 8, y + BAR - 3.5, shown, color=color if color in ("met", "missed") else "text"))
    path.write_text(wrap(title, note, bottom + 34, parts), encoding="utf-8")


def draw_logarithmic(folder, by_name, name, title, unit, bars):
    values = [(label, by_name[figure]["value"], color) for label, figure, color in bars]
    there = [(label, show(value, unit), value, color, None) for label, value, color in values if value is not None]
    low = math.floor(math.log10(min(bar[2] for bar in there)))
    high = math.ceil(math.log10(max(bar[2] for bar in there)))
    ticks = [(10.0 ** power, show(10.0 ** power, unit).replace(".00", "").replace(".10", ".1").replace(".0 ", " "))
             for power in range(low, high + 1)]
    draw_bars(folder / f"{name}.svg", title, "Each line is ten times the one before it.", there,
              lambda value: (math.log10(value) - low) / (high - low), ticks)


def draw_targets(folder, by_name):
    """Each as a part of what it is meant to be at most; a bar ends at twice that."""
    bars = []
    for label, name in TARGETS:
        value, at_most = by_name[name]["value"], by_name[name]["at_most"]
        color = "met" if value <= at_most else "missed"
        shown = f"{value:.2f}, at most {at_most:g}" if value < 10 else f"{value:.1f}, at most {at_most:g}"
        bars.append((label, shown, value / at_most, color, 1))
    draw_bars(folder / "performance-targets.svg", "What was aimed at, and what was reached",
              "A bar that ends left of the line keeps its target; one that ends at the edge may be longer.", bars,
              lambda part: min(part / 2, 1), [])


def draw(figures, folder):
    by_name = {figure["name"]: figure for figure in figures}
    for plot in (COSTS, TOOLS):
        draw_logarithmic(folder, by_name, *plot)
    draw_targets(folder, by_name)
