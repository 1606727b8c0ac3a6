"""What samples print of a CRM in which other people write."""

from examples.reporting.drawing import render_page, render_text
from examples.reporting.figures import Figures
from examples.table import render_table

EVIL = "\x1b]0;told\x07<script>"


def test_a_terminal_obeys_nothing_that_somebody_typed_into_the_crm() -> None:
    figures = Figures()
    figures.count({"Lead_Source": EVIL, "Owner": {"name": EVIL}, "Created_Time": "2026-01-01"})
    for said in (render_text(figures), render_table(("Product", "Why"), [(EVIL, "a\nb\rc")])):
        assert all(sign.isprintable() or sign == "\n" for sign in said)
        assert "told" in said
    assert "<script" not in render_page(figures)
    assert len(render_table(("Product", "Why"), [(EVIL, "a\nb")]).splitlines()) == 3
