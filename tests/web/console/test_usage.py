"""Usage: what people answered and what the app got, in figures, drawn, and as a table."""

import re

from grantline.activity import ALLOWED, API_CALL, DECLINED, REFUSED, STARTED
from grantline.web.background import sweep
from grantline.web.console.charts import HOUR, last_days, last_hours, line_chart
from tests.site import START, App, Site

DAY = 24 * HOUR


async def usage(site: Site, app: App, chosen: str = "24h") -> dict[str, str]:
    """The counts that the page shows, and its text."""
    await site.server.counters.flush()
    page = await (await site.signed_in()).get(f"/console/clients/{app.id}/usage", params={"range": chosen})
    assert page.status_code == 200
    counts = dict(re.findall(r"<dt>(\w+)</dt><dd>([\d,]+)</dd>", page.text))
    return {**counts, "text": page.text}


def add(site: Site, app: App, kind: str, count: int, at: int) -> None:
    for _ in range(count):
        site.server.counters.add(app.id, kind, at)


async def test_what_is_still_running_is_not_abandoned(site: Site) -> None:
    app = await site.app("server-based")
    site.clock.now = START - START % HOUR + 1800
    add(site, app, STARTED, 10, site.clock.now - HOUR)
    add(site, app, ALLOWED, 6, site.clock.now - HOUR)
    add(site, app, DECLINED, 1, site.clock.now - HOUR)
    add(site, app, STARTED, 5, site.clock.now)
    found = await usage(site, app)
    assert [found[name] for name in ("Started", "Allowed", "Declined", "Abandoned")] == ["15", "6", "1", "3"]


async def test_errors_are_set_against_all_requests(site: Site) -> None:
    app = await site.app("server-based")
    add(site, app, "token.refresh_token", 1194, site.clock.now)
    await site.refresh(app, "wrong")
    for _ in range(5):
        await site.refresh(app, "wrong")
    await site.mint.recorder.flush()
    text = (await usage(site, app))["text"]
    assert "<b>1,194 tokens</b> were issued." in text
    assert "6 requests were refused after the client had proven itself, 0.5 % of them." in text


async def test_a_week_and_three_months_keep_what_a_day_forgets(site: Site) -> None:
    app = await site.app("server-based")
    add(site, app, "token.refresh_token", 3, START - 3 * DAY)
    add(site, app, "token.refresh_token", 4, START - 60 * DAY)
    await site.server.counters.flush()
    await sweep(site.db, START)
    assert "no traffic yet" in (await usage(site, app, "24h"))["text"]
    assert "<b>3 tokens</b>" in (await usage(site, app, "7d"))["text"]
    assert "<b>7 tokens</b>" in (await usage(site, app, "90d"))["text"]
    assert "There was no traffic yet" in (await usage(site, app, "nonsense"))["text"]


async def test_types_that_ask_nobody_show_no_authorizations(site: Site) -> None:
    assert "Abandoned" not in (await usage(site, await site.app("self-client")))["text"]


async def test_the_table_says_the_same_as_the_drawing(site: Site) -> None:
    app = await site.app("server-based")
    add(site, app, API_CALL, 7, site.clock.now)
    add(site, app, REFUSED, 2, site.clock.now)
    text = (await usage(site, app))["text"]
    cells = re.findall(r"<tr><th scope=\"row\">[^<]+</th>(.*?)</tr>", text)
    assert len(cells) == 24
    assert re.findall(r"<td>(\d+)</td>", cells[-1]) == ["0", "0", "0", "0", "0", "0", "7", "2", "0"]
    assert text.count("<polyline") == 1


def test_a_chart_stays_inside_its_drawing() -> None:
    span = last_hours(START)
    for values in ([0] * 24, [1] * 24, [0] * 23 + [1], list(range(24)), [10**9] * 24):
        chart = line_chart("x", span, values)
        for point in chart["line"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 600
            assert 0 <= y <= 120
    assert len(last_days(START, 90).starts) == 90
