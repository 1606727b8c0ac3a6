"""Charts: counts over time as the points of a drawing, with the words that say the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from grantline.activity import Usage

HOUR: Final = 3600
DAY: Final = 24 * HOUR
WIDTH: Final = 600
HEIGHT: Final = 120
STRIP: Final = 24


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in equal parts, the last of which is running."""

    part_seconds: int
    starts: tuple[int, ...]

    def sums(self, usage: Iterable[Usage], kinds: Sequence[str]) -> list[int]:
        """How often these kinds were counted in each part."""
        places = {start: place for place, start in enumerate(self.starts)}
        found = [0] * len(self.starts)
        for one in usage:
            place = places.get(one.starts_at - (one.starts_at - self.starts[0]) % self.part_seconds)
            if place is not None and one.kind in kinds:
                found[place] += one.count
        return found


def last_hours(now: int, hours: int = 24, part_seconds: int = HOUR) -> Span:
    """So many hours up to now, the running one among them."""
    count = hours * HOUR // part_seconds
    end = now - now % part_seconds
    return Span(part_seconds, tuple(end - (count - 1 - n) * part_seconds for n in range(count)))


def last_days(now: int, days: int) -> Span:
    """So many days up to now, today among them."""
    return last_hours(now, days * 24, DAY)


def line_chart(name: str, span: Span, values: Sequence[int]) -> Mapping[str, Any]:
    """What `parts/chart.html` draws. `name` tells the drawings of one page apart."""
    top = _round_up(max(values))
    step = WIDTH / max(1, len(values) - 1)
    points = [(round(n * step, 1), round(HEIGHT - HEIGHT * value / top, 1)) for n, value in enumerate(values)]
    line = " ".join(f"{x:g},{y:g}" for x, y in points)
    return {
        "name": name,
        "empty": not any(values),
        "line": line,
        "area": f"0,{HEIGHT} {line} {WIDTH},{HEIGHT}",
        "top": top,
        "low": min(values),
        "high": max(values),
        "low_at": span.starts[values.index(min(values))],
        "high_at": span.starts[values.index(max(values))],
        "total": sum(values),
        "starts": [span.starts[0], span.starts[len(span.starts) // 2], span.starts[-1]],
        "by_day": span.part_seconds >= DAY,
        "by_hour": span.part_seconds == HOUR,
    }


def bar_strip(values: Sequence[int]) -> Mapping[str, Any]:
    """The strip of refusals below a chart, with a scale of its own."""
    top = max(values) or 1
    step = WIDTH / len(values)
    bars = [
        {
            "x": f"{n * step + step * 0.15:.1f}",
            "y": f"{STRIP - max(2.0, STRIP * value / top):.1f}",
            "width": f"{step * 0.7:.1f}",
            "height": f"{max(2.0, STRIP * value / top):.1f}",
        }
        for n, value in enumerate(values)
        if value
    ]
    return {"bars": bars, "top": top, "total": sum(values)}


def sparkline(values: Sequence[int]) -> str:
    """The points of a small line, 100 wide and 20 high; empty when there is nothing."""
    if not any(values):
        return ""
    top, step = max(values), 100 / max(1, len(values) - 1)
    return " ".join(f"{n * step:.1f},{19 - 18 * value / top:.1f}" for n, value in enumerate(values))


def _round_up(value: int) -> int:
    """A round number at or above the value that can be halved."""
    power = 1
    while True:
        for factor in (2, 4, 10):
            if value <= factor * power:
                return factor * power
        power *= 10
