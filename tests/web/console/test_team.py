"""Team, by its pages: members, roles, invitations, mail, leaving."""

import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import pytest

from grantline.accounts import Account
from grantline.audit import list_workspace_events
from grantline.clients import Registration, register_client
from grantline.web.templating import Pages
from grantline.workspaces import create_workspace, find_membership, list_members
from tests.conftest import SiteFactory
from tests.site import ISSUER, Browser, Site, open_site

TEAM = "/console/team"


def form_of(page: httpx2.Response, action: str) -> dict[str, str]:
    """The hidden fields of the form that goes to this address."""
    assert page.status_code == 200, page.text[:400]
    for form in re.findall(r"<form[^>]*>.*?</form>", page.text, re.DOTALL):
        if f'action="{action}"' in form:
            pairs = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form)
            return {name: unescape(value) for name, value in pairs}
    raise AssertionError(f"no form for {action}")


async def submit(browser: Browser, page: str, action: str, fields: Mapping[str, str]) -> httpx2.Response:
    return await browser.post(action, {**form_of(await browser.get(page), action), **fields})


async def new_workspace(browser: Browser, name: str = "Northgate Tools") -> None:
    made = await submit(browser, "/console/workspaces/new", "/console/workspaces/new", {"name": name})
    assert made.status_code == 303, made.text


async def workspace_of(site: Site, name: str = "Northgate Tools") -> int:
    row = await site.db.one("SELECT id FROM workspaces WHERE name = $1", name)
    assert row is not None
    return int(row[0])


async def invite(browser: Browser, email: str, role: str = "viewer") -> httpx2.Response:
    return await submit(browser, TEAM, f"{TEAM}/invitations", {"email": email, "role": role})


def link_in(text: str) -> str:
    found = re.search(rf"{ISSUER}(/console/invitations/[\w-]+)", text)
    assert found
    return found[1]


async def join(site: Site, owner: Browser, email: str, role: str) -> tuple[Account, Browser]:
    """A new person, invited and in."""
    account = await site.person(email)
    path = link_in((await invite(owner, email, role)).text)
    browser = await site.signed_in(email)
    joined = await submit(browser, path, path, {})
    assert joined.headers["location"] == f"{TEAM}?done=joined"
    return account, browser


async def kinds(site: Site, workspace_id: int) -> list[str]:
    return sorted(event.kind for event in await list_workspace_events(site.db, workspace_id))


async def test_a_team_begins_grows_and_changes_and_the_audit_tells_of_it(site: Site) -> None:
    owner = await site.signed_in()
    await new_workspace(owner)
    here = await workspace_of(site)
    tomas, viewer = await join(site, owner, "tomas@example.com", "viewer")
    assert "Northgate Tools" in (await viewer.get(TEAM)).text
    member = f"{TEAM}/members/{tomas.id}"
    assert (await submit(owner, member, f"{member}/role", {"role": "developer"})).status_code == 303
    assert (await submit(owner, TEAM, f"{TEAM}/rename", {"name": "Southgate"})).status_code == 303
    membership = await find_membership(site.db, tomas.id, here)
    assert membership is not None
    assert (membership.role, membership.name) == ("developer", "Southgate")
    assert (await submit(owner, member, f"{member}/remove", {})).status_code == 303
    assert await find_membership(site.db, tomas.id, here) is None
    assert "Southgate" not in (await viewer.get(TEAM)).text
    assert await kinds(site, here) == [
        "member.invited",
        "member.joined",
        "member.removed",
        "member.role_changed",
        "workspace.created",
        "workspace.renamed",
    ]
    [changed] = await list_workspace_events(site.db, here, kind="member.role_changed")
    assert changed.detail == {
        "before": {"person": "tomas@example.com", "role": "viewer"},
        "after": {"role": "developer"},
    }
    assert (changed.account_id, changed.network) == (site.account.id, "127.0.0.1")


async def test_an_invitation_without_a_mail_server_shows_its_link_once(site: Site) -> None:
    owner = await site.signed_in()
    await new_workspace(owner)
    shown = await invite(owner, "ines@example.com")
    path = link_in(shown.text)
    listed = await owner.get(TEAM)
    assert "ines@example.com" in listed.text
    assert path not in listed.text
    assert "Link not mailed" in listed.text
    again = re.search(rf'action="({TEAM}/invitations/[^"]*/again)"', listed.text)
    assert again
    other = link_in((await submit(owner, TEAM, again[1], {})).text)
    assert other != path
    await site.person("ines@example.com")
    ines = await site.signed_in("ines@example.com")
    assert (await ines.get(path)).status_code == 404
    assert (await ines.get(other)).status_code == 200
    withdraw = re.search(rf'action="({TEAM}/invitations/[^"]*/withdraw)"', (await owner.get(TEAM)).text)
    assert withdraw
    assert (await submit(owner, TEAM, withdraw[1], {})).status_code == 303
    assert (await ines.get(other)).status_code == 404


async def test_T144_somebody_else_learns_neither_the_workspace_nor_the_address(site: Site) -> None:
    owner = await site.signed_in()
    await new_workspace(owner)
    path = link_in((await invite(owner, "ines@office.example.com")).text)
    await site.person("eve@example.com")
    eve = await site.signed_in("eve@example.com")
    page = await eve.get(path)
    assert page.status_code == 403
    assert "i…@o….com" in page.text
    for hidden in ("ines", "office", "Northgate", "mara@"):
        assert hidden not in page.text
    assert (await eve.post(path, {"token": "x"})).status_code == 403
    assert len(await list_members(site.db, await workspace_of(site))) == 1


async def test_T144_a_forged_acceptance_by_another_account_changes_nothing(site: Site) -> None:
    owner = await site.signed_in()
    await new_workspace(owner)
    mine = link_in((await invite(owner, "eve@example.com")).text)
    theirs = link_in((await invite(owner, "ines@example.com")).text)
    await site.person("eve@example.com")
    eve = await site.signed_in("eve@example.com")
    fields = form_of(await eve.get(mine), mine)  # a token of this session for this act
    assert (await eve.post(theirs, fields)).status_code == 403
    assert (await eve.post(mine, fields)).status_code == 303
    assert (await eve.post(mine, fields)).status_code == 404
    assert [member.email for member in await list_members(site.db, await workspace_of(site))] == [
        "mara@example.com",
        "eve@example.com",
    ]


async def test_who_is_not_signed_in_comes_back_to_the_invitation(site: Site) -> None:
    owner = await site.signed_in()
    await new_workspace(owner)
    path = link_in((await invite(owner, "ines@example.com")).text)
    await site.person("ines@example.com")
    browser = site.browser()
    asked = await browser.get(path)
    page = await browser.get(asked.headers["location"])
    assert 'name="password"' in page.text
    back = await browser.sign_in(page, email="ines@example.com")
    assert back.headers["location"] == path


@pytest.mark.parametrize(
    "email", ["", "tomas", "a@b", "a,b@example.com", "a@example.com\r\nBcc: x@example.com"]
)
async def test_T81_what_is_no_address_is_refused_and_kept_in_the_form(site: Site, email: str) -> None:
    owner = await site.signed_in()
    await new_workspace(owner)
    refused = await invite(owner, email)
    assert refused.status_code == 400
    assert 'aria-invalid="true"' in refused.text
    assert await kinds(site, await workspace_of(site)) == ["workspace.created"]


async def test_T149_inviting_says_the_same_of_addresses_with_and_without_an_account(site: Site) -> None:
    owner = await site.signed_in()
    await new_workspace(owner)
    await site.person("known-1@example.com")
    pages = [await invite(owner, f"{name}@example.com") for name in ("known-1", "known-2")]
    cleaned = []
    for page in pages:
        text = re.sub(r"known-\d", "X", page.text)
        text = re.sub(r"invitations/[\w-]+", "L", text)
        cleaned.append(re.sub(r"<code>[^<]*</code>|value=\"[^\"]*\"", "", text))
    assert pages[0].status_code == pages[1].status_code == 200
    assert cleaned[0] == cleaned[1]


async def test_invitations_are_limited_by_address_and_by_person(open_a_site: SiteFactory) -> None:
    async with open_a_site(limits="1") as site:
        owner = await site.signed_in()
        await new_workspace(owner)
        answers = [(await invite(owner, "ines@example.com")).status_code for _ in range(4)]
        assert answers == [200, 200, 200, 429]
        answers = [(await invite(owner, f"p{n}@example.com")).status_code for n in range(18)]
        assert answers == [*[200] * 17, 429]
        site.clock.advance(3601)
        owner, chosen = await site.signed_in(), {"workspace": str(await workspace_of(site))}
        assert (await submit(owner, TEAM, "/console/workspace", chosen)).status_code == 303
        assert (await invite(owner, "ines@example.com")).status_code == 200


async def test_changing_people_asks_for_the_password_after_ten_minutes(site: Site) -> None:
    owner = await site.signed_in()
    await new_workspace(owner)
    tomas, _ = await join(site, owner, "tomas@example.com", "viewer")
    member = f"{TEAM}/members/{tomas.id}"
    site.clock.advance(601)
    for page, action, fields in (
        (TEAM, f"{TEAM}/invitations", {"email": "x@example.com", "role": "owner"}),
        (member, f"{member}/role", {"role": "owner"}),
        (member, f"{member}/remove", {}),
    ):
        asked = await submit(owner, page, action, fields)
        assert 'name="password"' in asked.text
    here = await workspace_of(site)
    assert {one.role for one in await list_members(site.db, here)} == {"owner", "viewer"}
    assert "member.removed" not in await kinds(site, here)


async def test_the_last_owner_is_told_why_they_stay(site: Site) -> None:
    owner = await site.signed_in()
    await new_workspace(owner)
    page = await owner.get(f"{TEAM}/leave")
    assert "only owner" in page.text
    forced = await submit(owner, f"{TEAM}/leave", f"{TEAM}/leave", {})
    assert forced.status_code == 400
    assert "Make somebody else an owner first" in forced.text
    member = f"{TEAM}/members/{site.account.id}"
    demoted = await submit(owner, member, f"{member}/role", {"role": "viewer"})
    assert demoted.status_code == 400
    assert [one.role for one in await list_members(site.db, await workspace_of(site))] == ["owner"]


async def test_leaving_says_first_what_stays_and_who_answers_for_it_then(site: Site) -> None:
    owner = await site.signed_in()
    await new_workspace(owner)
    here = await workspace_of(site)
    tomas, leaver = await join(site, owner, "tomas@example.com", "owner")
    client, _ = await register_client(
        site.db,
        type_name="non-browser",
        asked=Registration(name="Lead TV"),
        owner_account_id=tomas.id,
        organization_id=1,
        data_center="us",
        now=site.clock(),
        workspace_id=here,
    )
    page = await leaver.get(f"{TEAM}/leave")
    assert "You registered 1 client here" in page.text
    assert "Mara Lindqvist" in page.text
    warned = await owner.get(f"{TEAM}/members/{tomas.id}")
    assert "registered 1 client here" in warned.text
    left = await submit(leaver, f"{TEAM}/leave", f"{TEAM}/leave", {})
    assert left.headers["location"] == f"{TEAM}?done=left"
    row = await site.db.one("SELECT owner_account_id, workspace_id FROM clients WHERE id = $1", client.id)
    assert row is not None
    assert tuple(row) == (site.account.id, here)
    [event] = await list_workspace_events(site.db, here, kind="member.left")
    assert event.detail["after"] == {"clients_go_to": "mara@example.com"}
    assert (await leaver.get(f"/console/clients/{client.id}")).status_code == 404


async def test_a_personal_workspace_offers_no_way_to_invite_or_leave(site: Site) -> None:
    alone = await site.signed_in()
    page = await alone.get(TEAM)
    assert f"{TEAM}/invitations" not in page.text
    assert (await alone.get(f"{TEAM}/leave")).status_code == 404


async def test_T3_a_workspace_is_named_like_an_app_and_what_was_typed_stays(site: Site) -> None:
    browser = await site.signed_in()
    for name in ("G", "Grant1ine", "Gооgle", "<script>alert(1)</script>", "a\u202eb"):
        refused = await submit(browser, "/console/workspaces/new", "/console/workspaces/new", {"name": name})
        assert refused.status_code == 400
        assert unescape(refused.text).count(name) >= 1
        assert "<script>alert" not in refused.text


async def test_T146_a_role_that_was_taken_away_counts_with_the_next_request(site: Site) -> None:
    owner = await site.signed_in()
    await new_workspace(owner)
    tomas, second = await join(site, owner, "tomas@example.com", "owner")
    page = await second.get(TEAM)
    fields = form_of(page, f"{TEAM}/invitations")
    member = f"{TEAM}/members/{tomas.id}"
    await submit(owner, member, f"{member}/role", {"role": "viewer"})
    posted: dict[str, Any] = {**fields, "email": "x@example.com", "role": "owner"}
    assert (await second.post(f"{TEAM}/invitations", posted)).status_code == 403
    assert f"{TEAM}/invitations" not in (await second.get(TEAM)).text


async def test_a_member_of_another_workspace_cannot_be_reached_by_number(site: Site) -> None:
    owner = await site.signed_in()
    await new_workspace(owner)
    eve = await site.person("eve@example.com")
    for number in (str(eve.id), "0", "x", "9" * 40):
        assert (await owner.get(f"{TEAM}/members/{number}")).status_code == 404
    async with site.db.transaction() as tx:
        await create_workspace(tx, eve.id, "Elsewhere", site.clock())
    await invite(owner, "ines@example.com")
    row = await site.db.one("SELECT id FROM invitations")
    assert row is not None
    evil = await site.signed_in("eve@example.com")
    await new_workspace(evil, "Evil")
    assert (await evil.post(f"{TEAM}/invitations/{row[0]}/withdraw", {"token": "x"})).status_code == 404
    assert await site.db.one("SELECT id FROM invitations") is not None


async def test_kept_mails_are_read_in_the_demo_alone(
    tmp_path: Path, pages: Pages, password_hash: str
) -> None:
    for demo in (True, False):
        folder = tmp_path / f"demo{demo}"
        kept: dict[str, Any] = {"demo": demo, "mail_folder": folder / "mail"}
        async with open_site(folder, pages=pages, password_hash=password_hash, **kept) as site:
            owner = await site.signed_in()
            await new_workspace(owner, "R & D - Verify at evil.example")
            sent = await invite(owner, "ines@example.com")
            assert sent.headers["location"] == f"{TEAM}?done=invited"
            page = await owner.get("/console/mail")
            assert page.status_code == (200 if demo else 404)
            if not demo:
                continue
            assert "ines@example.com" in unescape(page.text).replace("<wbr>", "")
            link = re.search(r'href="(http://127.0.0.1:8700/console/invitations/[\w-]+)"', page.text)
            assert link
            assert "evil.example</a>" not in page.text
            await site.person("ines@example.com")
            ines = await site.signed_in("ines@example.com")
            assert (await ines.get(link[1].removeprefix(ISSUER))).status_code == 200


async def test_a_mail_server_that_is_down_loses_no_invitation(
    open_a_site: SiteFactory, unused_tcp_port: int
) -> None:
    away = f"smtp://127.0.0.1:{unused_tcp_port}"
    async with open_a_site(smtp_url=away, mail_from="grantline@accounts.example") as site:
        owner = await site.signed_in()
        await new_workspace(owner)
        page = await invite(owner, "ines@example.com")
        assert "The mail server can’t be reached." in page.text
        path = link_in(page.text)
        assert "Link not mailed" in (await owner.get(TEAM)).text
        await site.person("ines@example.com")
        ines = await site.signed_in("ines@example.com")
        assert (await submit(ines, path, path, {})).status_code == 303
