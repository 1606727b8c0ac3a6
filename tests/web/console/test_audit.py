"""The audit page: what was changed, by whom, with before and after; and what it shows to nobody."""

import ast
import re
from html import unescape
from pathlib import Path

import pytest

import grantline
from grantline.audit import (
    SEAL_PURPOSE,
    find_break,
    list_workspace_events,
    record_event,
    seal_events,
    sealed_events,
)
from grantline.web.console.audit_words import KINDS, differences
from tests.site import Browser, Site

AUDIT = "/console/audit"
SOURCE = Path(grantline.__file__).parent
KIND = re.compile(r"[a-z]+\.(?:[a-z]+_)*[a-z]*(?:ed|again|left|reset)")


async def record(site: Site, kind: str, workspace_id: int | None = None, **changes: object) -> None:
    detail = changes.pop("detail", {})
    assert isinstance(detail, dict)
    await record_event(
        site.db,
        kind,
        now=site.clock(),
        account_id=site.account.id,
        workspace_id=workspace_id,
        network="192.0.2.0/24",
        detail=detail,
        client_id=str(changes["client_id"]) if "client_id" in changes else None,
    )


async def opened(site: Site) -> Browser:
    browser = await site.signed_in()
    assert (await browser.get("/console/team")).status_code == 200  # makes the personal workspace
    return browser


def words_of(text: str) -> list[str]:
    return [
        re.sub(r"<[^>]*>", "", found).strip()
        for found in re.findall(r'<span class="what">(.*?)</summary>', text, re.DOTALL)
    ]


async def test_a_change_is_told_with_who_where_and_what_was_before(site: Site) -> None:
    browser, app = await opened(site), await site.app("server-based")
    change = {
        "before": {"redirect_uris": ["https://a.example/cb", "https://b.example/cb"], "implicit": True},
        "after": {"redirect_uris": ["https://b.example/cb", "https://c.example/<cb>"], "implicit": False},
    }
    await record(site, "client.updated", site.account.id, client_id=app.id, detail=change)
    text = unescape((await browser.get(AUDIT)).text)
    [words] = words_of(text)
    assert words.startswith("Changed the client: Lead Desk")
    assert "Redirect URIs, Token in the redirect" in words
    assert "Mara Lindqvist" in words
    assert "192.0.2.0/24" in text
    went = re.findall(r"<del>.*?</span>(.*?)</del>", text)
    came = re.findall(r"<ins>.*?</span>(.*?)</ins>", text)
    assert went == ["https://a.example/cb", "yes"]
    assert came == ["https://c.example/<cb>", "no"]
    assert "&lt;cb&gt;" in (await browser.get(AUDIT)).text


async def test_T143_events_of_accounts_and_of_other_workspaces_are_not_shown(site: Site) -> None:
    browser = await opened(site)
    eve = await site.person("eve@example.com")
    await record(site, "sign_in.failed")
    await record(site, "consent.given")
    await record(site, "workspace.renamed", eve.id)
    await record(site, "member.invited", site.account.id)
    assert [words.split("\n")[0] for words in words_of((await browser.get(AUDIT)).text)] == [
        "Invited a personMara Lindqvist"
    ]
    for query in (f"person={site.account.id}", "kind=sign_in.failed", "kind=workspace.renamed"):
        assert "Signed" not in (await browser.get(f"{AUDIT}?{query}")).text
    assert await list_workspace_events(site.db, site.account.id, kind="sign_in.failed") == []
    found = await list_workspace_events(site.db, site.account.id, account_id=site.account.id)
    assert [event.kind for event in found] == ["member.invited"]


@pytest.mark.both_engines
async def test_filters_go_together_and_what_is_no_filter_is_none(site: Site) -> None:
    browser = await opened(site)
    one, two = await site.app("server-based"), await site.app("mobile")
    for app in (one, two):
        for kind in ("client.updated", "secret.added"):
            await record(site, kind, site.account.id, client_id=app.id)
    cases = {
        "": 4,
        f"client={one.id}": 2,
        "kind=secret.added": 2,
        f"client={one.id}&kind=secret.added&person={site.account.id}": 1,
        f"person={site.account.id}&kind=secret.added": 2,
        "person=7": 0,
        "client=glc_us_unknown": 0,
        "person=x&before=1.%2F": 4,
        "before=99999999999999999999.x": 4,
    }
    for query, expected in cases.items():
        page = await browser.get(f"{AUDIT}?{query}")
        assert page.status_code == 200
        assert len(words_of(page.text)) == expected, query


async def test_older_changes_follow_page_by_page_each_once(site: Site) -> None:
    browser = await opened(site)
    for number in range(125):
        if number % 3 == 0:
            site.clock.advance(1)  # some in the same second
        await record(site, "code.generated", site.account.id, detail={"after": {"minutes": number}})
    address, seen = f"{AUDIT}?kind=code.generated", []
    while address:
        text = unescape((await browser.get(address)).text)
        seen += re.findall(r"<dt>Event</dt><dd><code>([^<]*)</code>", text)
        older = re.search(r'href="([^"]*)">Show older', text)
        address = older[1] if older else ""
    assert len(seen) == 125
    assert len(set(seen)) == 125


@pytest.mark.both_engines
async def test_T131_the_workspace_of_an_event_is_under_its_seal(site: Site) -> None:
    key = site.server.envelope.derive(SEAL_PURPOSE)
    await record(site, "member.invited", site.account.id)
    await record(site, "sign_in.succeeded")
    while await seal_events(site.db, key):
        pass
    assert await find_break(site.db, key) is None
    exported = [event async for event in sealed_events(site.db)]
    assert {event["workspace_id"] for event in exported} >= {site.account.id, None}
    hide = "UPDATE audit SET workspace_id = NULL WHERE kind = 'member.invited'"
    tell = f"UPDATE audit SET workspace_id = {site.account.id} WHERE kind = 'sign_in.succeeded'"
    for statement, back in ((hide, "NULL"), (tell, str(site.account.id))):
        before = await site.db.all("SELECT id, workspace_id FROM audit")
        await site.db.run(statement)
        assert await find_break(site.db, key) is not None, back
        for row in before:
            await site.db.run("UPDATE audit SET workspace_id = $2 WHERE id = $1", row[0], row[1])
        assert await find_break(site.db, key) is None


def test_every_change_that_pages_record_has_its_words() -> None:
    """Whatever looks like a kind of change, in the modules that write changes."""
    recorded: set[str] = set()
    for path in (SOURCE / "web").rglob("*.py"):
        text = path.read_text()
        if re.search(r"\brecord_change\b", text) and path.name != "audit_words.py":
            constants = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
            recorded |= {value for value in constants if isinstance(value, str) and KIND.fullmatch(value)}
    assert {"client.updated", "secret.reset", "member.left", "key.created"} <= recorded
    assert not recorded - set(KINDS)


def test_differences_leave_out_what_stayed_and_take_any_detail() -> None:
    told = differences(
        {
            "before": {"name": "A", "scopes": ["x", "y"], "role": "viewer"},
            "after": {"name": "B", "scopes": ["y", "z"], "role": "owner"},
            "type": "mobile",
        }
    )
    assert [(one["field"], one["went"], one["came"]) for one in told] == [
        ("Name", ["A"], ["B"]),
        ("Scopes", ["x"], ["z"]),
        ("Role", ["Viewer"], ["Owner"]),
        ("Type", [], ["mobile"]),
    ]
    assert differences({}) == []
    assert differences({"before": None, "after": 7}) == []
