"""The figures as text for a terminal, and as one page that needs nothing else."""

import base64
import hashlib
from datetime import UTC, datetime
from html import escape
from typing import Final

from examples.reporting.figures import Figures

BARS: Final = 36
_ROW: Final = 34
_STYLE: Final = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b2521; --quiet: #55605b; --bar: #0e6b53;
  --rule: #d3d9d6 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #131a17; --ink: #e8eeeb; --quiet: #a3afa9; --bar: #54c3a2; --rule: #313b36 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2rem 1rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif }
h1 { margin: 0; font-size: 1.6rem } h2 { margin: 0 0 .75rem; font-size: 1.1rem }
header p { margin: .25rem 0 2rem; color: var(--quiet) }
section { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 1fr); gap: 0 2.5rem;
  padding-block: 1.5rem; border-top: 1px solid var(--rule) }
h2 { grid-column: 1 / -1 }
svg { width: 100%; height: auto; overflow: visible } rect { fill: var(--bar) }
text { fill: var(--ink); font-size: 14px } .number { font-weight: 600 }
table { width: 100%; border-collapse: collapse; align-self: start; font-size: .875rem }
th, td { padding: .3rem 0; border-bottom: 1px solid var(--rule); text-align: start; font-weight: 400 }
th[scope=col] { color: var(--quiet) }
td, th:last-child { text-align: end; font-variant-numeric: tabular-nums }
@media (max-width: 44rem) { section { grid-template-columns: minmax(0, 1fr); gap: 1rem } }
"""
STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
"""What a content policy says to allow exactly this style."""


def render_text(figures: Figures) -> str:
    """Bars made of letters, as long as their numbers say."""
    lines = [f"{figures.total:,} leads"]
    for way in figures.by:
        rows = figures.rows(way)
        most = max((count for _name, count in rows), default=1)
        width = max((len(name) for name, _count in rows), default=0)
        lines += ["", f"By {way.lower()}"]
        lines += [f"  {name.ljust(width)}  {_bar(count, most)} {count:,}" for name, count in rows]
    return "\n".join(lines)


def _bar(count: int, most: int) -> str:
    eighths = max(1, round(count / most * BARS * 8))
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def render_page(figures: Figures, now: datetime | None = None) -> str:
    """One document: charts for the eye, and tables with the same numbers for everybody."""
    at = (now or datetime.now(UTC)).strftime("%d %B %Y, %H:%M UTC")
    sections = "".join(_section(way, figures.rows(way)) for way in figures.by)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Leads</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><header><h1>{figures.total:,} leads</h1>"
        f"<p>As of {at}</p></header>{sections}</main></body></html>"
    )


def _section(way: str, rows: list[tuple[str, int]]) -> str:
    cells = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{count:,}</td></tr>' for name, count in rows)
    head = f'<tr><th scope="col">{way}</th><th scope="col">Leads</th></tr>'
    return f"<section><h2>By {way.lower()}</h2>{_chart(rows)}<table>{head}{cells}</table></section>"


def _chart(rows: list[tuple[str, int]]) -> str:
    """Hidden from readers of the screen: the table beside it says the same."""
    most = max((count for _name, count in rows), default=1)
    bars = "".join(
        f'<text x="0" y="{at * _ROW + 20}">{escape(name[:24])}</text>'
        f'<rect x="170" y="{at * _ROW + 5}" width="{count / most * 380:.1f}" height="20" rx="2"/>'
        f'<text class="number" x="{count / most * 380 + 178:.1f}" y="{at * _ROW + 20}">{count:,}</text>'
        for at, (name, count) in enumerate(rows)
    )
    return f'<svg viewBox="0 0 600 {max(1, len(rows)) * _ROW}" aria-hidden="true">{bars}</svg>'
