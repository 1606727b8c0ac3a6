"""A table in plain text: words to the left, numbers to the right."""

from collections.abc import Sequence


def render_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The lines of the table."""
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *texts, strict=True)]
    right = [all(isinstance(row[at], int | float) for row in rows) and bool(rows) for at in range(len(head))]
    lines = [list(head), ["─" * width for width in widths], *texts]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.2f}"
    return f"{cell:,}" if isinstance(cell, int) else plain(str(cell))


def plain(text: str) -> str:
    """What somebody typed elsewhere, without the signs that a terminal would obey."""
    return "".join(sign if sign.isprintable() else "�" for sign in text)
