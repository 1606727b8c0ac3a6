"""Plots: small SVG pictures, readable in light and dark and at the width of a telephone."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_WIDTH: Final = 360
_LEFT, _RIGHT, _BOTTOM = 46, 12, 40
_PLOT_HEIGHT: Final = 170
_LEGEND_LINE: Final = 16
_STYLE: Final = """
text { font: 11px system-ui, sans-serif; fill: #222 } .title { font-weight: 600; font-size: 13px }
.back { fill: #fff } .grid { stroke: #ddd } .axis { stroke: #555 }
.bar { stroke: #b00; stroke-dasharray: 5 4 }
.bar-text { fill: #b00 } .line { fill: none; stroke-width: 2 } .faint { fill: #555 }
.s0 { stroke: #0060a8 } .s1 { stroke: #c24a00 } .s2 { stroke: #00785a } .s3 { stroke: #9a3b86 }
.f0 { fill: #0060a8 } .f1 { fill: #c24a00 } .f2 { fill: #00785a } .f3 { fill: #9a3b86 }
@media (prefers-color-scheme: dark) {
text { fill: #e8e8e8 } .back { fill: #16181c } .grid { stroke: #34383f } .axis { stroke: #a0a0a0 }
.bar { stroke: #ff7b72 } .bar-text { fill: #ff7b72 } .faint { fill: #b0b0b0 }
.s0 { stroke: #6cb6ff } .s1 { stroke: #ff9e64 } .s2 { stroke: #5ccfa6 } .s3 { stroke: #e08fd0 }
.f0 { fill: #6cb6ff } .f1 { fill: #ff9e64 } .f2 { fill: #5ccfa6 } .f3 { fill: #e08fd0 }
}"""
_DASHES: Final = ("", "7 3", "2 3", "9 3 2 3")


@dataclass(frozen=True, slots=True)
class Series:
    """A named line, or a named set of bars: pairs of x and y. Lines differ in colour, dash or both."""

    name: str
    points: list[tuple[float, float]]
    colour: int = 0
    dash: int = 0

    @property
    def stroke(self) -> str:
        """The attributes of its line."""
        return f'class="line s{self.colour % 4}" stroke-dasharray="{_DASHES[self.dash % 4]}"'


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows: its title with the unit, and whether it is logarithmic."""

    title: str
    logarithmic: bool = False


def lines(
    title: str, x: Axis, y: Axis, series: Sequence[Series], *, bar: float | None = None, bar_name: str = ""
) -> str:
    """A plot of lines with dots. `bar` is drawn across, with its name."""
    top = _top(series)
    xs = [point[0] for one in series for point in one.points]
    ys = [point[1] for one in series for point in one.points] + ([bar] if bar else [])
    across = _scale(min(xs), max(xs), _LEFT + 8, _WIDTH - _RIGHT - 8, x.logarithmic)
    steps = _ticks(min(ys) if y.logarithmic else 0, max(ys), y.logarithmic)
    up = _scale(steps[0], steps[-1], top + _PLOT_HEIGHT, top, y.logarithmic)
    marks = sorted(set(xs))
    parts = [*_frame(title, x.title, y.title, series, top), *_grid(steps, up)]
    parts += [_text(across(mark), top + _PLOT_HEIGHT + 15, _short(mark), "middle") for mark in marks]
    if bar:
        parts.append(_rule(_LEFT, _WIDTH - _RIGHT, up(bar), "bar"))
        parts.append(_text(_LEFT + 2, up(bar) - 4, bar_name, "start", "bar-text"))
    for one in series:
        place = [(across(a), up(b)) for a, b in one.points]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in place)
        parts.append(f'<polyline {one.stroke} points="{path}"/>')
        parts += [f'<circle class="f{one.colour % 4}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in place]
    return _svg(title, parts, top)


def bars(title: str, y: Axis, groups: Sequence[str], series: Sequence[Series]) -> str:
    """Bars side by side, a group for each name; x of a point is the number of its group."""
    top = _top(series)
    highest = max((point[1] for one in series for point in one.points), default=1)
    steps = _ticks(0, highest, False)
    up = _scale(0, steps[-1], top + _PLOT_HEIGHT, top, False)
    room = (_WIDTH - _LEFT - _RIGHT) / len(groups)
    width = min(40.0, room / (len(series) + 1))
    parts = [*_frame(title, "", y.title, series, top), *_grid(steps, up)]
    for number, name in enumerate(groups):
        parts.append(_text(_LEFT + room * (number + 0.5), top + _PLOT_HEIGHT + 15, name, "middle"))
    for number, one in enumerate(series):
        for group, value in one.points:
            left = _LEFT + room * (group + 0.5) + (number - len(series) / 2) * width
            tall = top + _PLOT_HEIGHT - up(value)
            parts.append(
                f'<rect class="f{one.colour % 4}" x="{left + 1:.1f}" y="{up(value):.1f}"'
                f' width="{width - 2:.1f}" height="{tall:.1f}"/>'
            )
            parts.append(_text(left + width / 2, up(value) - 4, _short(value), "middle"))
    return _svg(title, parts, top)


def _top(series: Sequence[Series]) -> int:
    return 50 + _LEGEND_LINE * len(series)


def _svg(title: str, parts: list[str], top: int) -> str:
    height = top + _PLOT_HEIGHT + _BOTTOM
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
        f' aria-label="{escape(title)}">\n<style>{_STYLE}</style>\n'
        f'<rect class="back" width="{_WIDTH}" height="{height}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _frame(title: str, x_title: str, y_title: str, series: Sequence[Series], top: int) -> list[str]:
    parts = [_text(10, 20, title, "start", "title")]
    for number, one in enumerate(series):
        high = 36 + _LEGEND_LINE * number
        parts.append(f'<line {one.stroke} x1="12" x2="34" y1="{high - 4}" y2="{high - 4}"/>')
        parts.append(_text(40, high, one.name, "start"))
    parts.append(_text(10, top - 12, y_title, "start", "faint"))
    parts.append(_text(_WIDTH - _RIGHT, top + _PLOT_HEIGHT + 32, x_title, "end", "faint"))
    return parts


def _grid(steps: list[float], up: Callable[[float], float]) -> list[str]:
    parts = []
    for step in steps:
        parts.append(_rule(_LEFT, _WIDTH - _RIGHT, up(step), "axis" if step == steps[0] else "grid"))
        parts.append(_text(_LEFT - 6, up(step) + 4, _short(step), "end"))
    return parts


def _rule(left: float, right: float, high: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{left}" x2="{right}" y1="{high:.1f}" y2="{high:.1f}"/>'


def _text(x: float, y: float, words: str, anchor: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _scale(low: float, high: float, start: float, end: float, logarithmic: bool) -> Callable[[float], float]:
    def place(value: float) -> float:
        a, b, v = (math.log10(one) for one in (low, high, value)) if logarithmic else (low, high, value)
        return (start + end) / 2 if a == b else start + (end - start) * (v - a) / (b - a)

    return place


def _ticks(low: float, high: float, logarithmic: bool) -> list[float]:
    """Round values that enclose the range: powers of ten, or about four even steps."""
    if logarithmic:
        first = math.floor(math.log10(max(low, 1e-3)))
        return [10.0**power for power in range(first, max(first + 1, math.ceil(math.log10(high))) + 1)]
    raw = max(high, 1e-9) / 4
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw)
    return [step * number for number in range(math.ceil(high / step) + 1)]


def _short(value: float) -> str:
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
