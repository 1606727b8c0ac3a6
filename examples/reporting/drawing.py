"""The figures as text for a terminal, and as one page that needs nothing else."""

import base64
import hashlib
from datetime import UTC, datetime
from html import escape
from typing import Final

from examples.reporting.figures import Figures
from examples.table import plain

BARS: Final = 36
_STYLE: Final = """
:root { color-scheme: light dark; --ground: light-dark(#f6f4ef, #131319); --paper: light-dark(#fff, #1c1c24);
  --ink: light-dark(#1e1b2b, #eeebf6); --quiet: light-dark(#565164, #b6b1c6);
  --bar: light-dark(#4636a6, #b9b0ff); --rule: light-dark(#dcd7cd, #34333f) }
* { box-sizing: border-box; margin: 0 }
body { background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: clamp(1rem, 4vw, 3rem) 1rem }
h1 { font-size: clamp(1.5rem, 1.2rem + 1.6vw, 2.125rem); line-height: 1.15; letter-spacing: -.02em }
header p { margin-block: .5rem 2rem; color: var(--quiet) }
table { width: 100%; border-collapse: collapse; margin-block-end: 1.5rem; background: var(--paper);
  border: 1px solid var(--rule); font-variant-numeric: tabular-nums }
caption { padding-block-end: .5rem; font-size: 1.125rem; font-weight: 660; text-align: start }
th, td { padding: .5rem 1rem; border-block-start: 1px solid var(--rule); font-weight: 400; text-align: start }
thead th { border: 0; font-size: .875rem; color: var(--quiet) }
th[scope=row] { width: 32%; overflow-wrap: anywhere }
td { width: 5rem; text-align: end } th:last-child { text-align: end }
td.bar { width: auto; padding-inline: 0 }
svg { display: block; width: 100%; height: 1rem } rect { fill: var(--bar) }
@media (max-width: 30rem) {
  th, td { padding-inline: .5rem }
  th[scope=row] { width: 42% }
  td { width: 2.5rem }
}
"""
STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
"""What a content policy says to allow exactly this style."""


def render_text(figures: Figures) -> str:
    """Bars made of letters, as long as their numbers say."""
    lines = [f"{figures.total:,} leads"]
    for way in figures.by:
        rows = [(plain(name), count) for name, count in figures.rows(way)]
        most = max((count for _name, count in rows), default=1)
        width = max((len(name) for name, _count in rows), default=0)
        lines += ["", f"By {way.lower()}"]
        lines += [f"  {name.ljust(width)}  {_bar(count, most)} {count:,}" for name, count in rows]
    return "\n".join(lines)


def _bar(count: int, most: int) -> str:
    eighths = max(1, round(count / most * BARS * 8))
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def render_page(figures: Figures, now: datetime | None = None) -> str:
    """One document. Its charts are tables, so that everybody reads the same numbers."""
    at = (now or datetime.now(UTC)).strftime("%d %B %Y, %H:%M UTC")
    charts = "".join(_chart(way, figures.rows(way)) for way in figures.by)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Leads</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><header><h1>{figures.total:,} leads</h1>"
        f"<p>As of {at}</p></header>{charts}</main></body></html>"
    )


def _chart(way: str, rows: list[tuple[str, int]]) -> str:
    """One table: a name, a bar for the eye, a number."""
    most = max((count for _name, count in rows), default=1)
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="bar">{_drawn(count / most)}</td>'
        f"<td>{count:,}</td></tr>"
        for name, count in rows
    )
    head = f'<tr><th scope="col" colspan="2">{way}</th><th scope="col">Leads</th></tr>'
    return f"<table><caption>By {way.lower()}</caption><thead>{head}</thead><tbody>{lines}</tbody></table>"


def _drawn(share: float) -> str:
    bar = f'<rect width="{share * 100:.1f}" height="10"/>'
    return f'<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">{bar}</svg>'
