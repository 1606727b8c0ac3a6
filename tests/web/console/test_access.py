"""Who may open which page of the console, asked of every line of its route table (T143, T146).

Forms are empty here: who may not is told so before anything of a form is read.
"""

import re
from dataclasses import dataclass
from typing import Final

import httpx2
import pytest

from grantline.accounts import Account, personal_organization
from grantline.clients import CLIENT_TYPES, ApiDeclaration, create_api, register_client
from grantline.web.console.entrance import ConsolePage
from grantline.web.console.routes import PAGES
from grantline.workspaces import ROLES, VIEW, create_workspace, invite
from tests.site import REGISTRATIONS, Browser, Site

pytestmark = pytest.mark.sqlite_only

# What a visit alone leaves behind: who is signed in, how often something was tried, what was refused.
PASSING: Final = frozenset({"sessions", "attempts", "audit", "audit_chain", "jobs"})
PEOPLE: Final = {"owner": "mara", "developer": "dev", "viewer": "vic", "stranger": "eve"}
OF_CLIENT: Final = [page for page in PAGES if page.of_client]
KNOWN: Final = frozenset({"client_id", "type", "member", "invitation", "api_id", "sample"})


@dataclass
class Scene:
    """A team's workspace with an app of each type, and a browser for each of its people and for a stranger.

    The self client is its owner's own, also to the rest of the team.
    """

    site: Site
    apps: dict[str, str]
    browsers: dict[str, Browser]
    values: dict[str, str]

    def at(self, page: ConsolePage, kind: str = "server-based") -> str:
        """The page's address, for the app of this type."""
        path = page.path
        for name, value in {**self.values, "client_id": self.apps[kind]}.items():
            path = path.replace(f"{{{name}}}", value)
        return path

    async def ask(self, who: str, page: ConsolePage, path: str) -> httpx2.Response:
        browser = self.browsers[who]
        return await (browser.get(path) if page.method == "GET" else browser.post(path, {"token": "x"}))

    async def contents(self) -> dict[str, list[str]]:
        """Every row of every table that a visit leaves alone."""
        tables = await self.site.db.all(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        found = {}
        for name in sorted({row[0] for row in tables} - PASSING):
            query = "SELECT * FROM " + name
            found[name] = sorted(str(tuple(row)) for row in await self.site.db.all(query))
        assert {"clients", "workspaces", "invitations"} <= found.keys()
        return found


async def team(site: Site) -> tuple[int, dict[str, Account], str]:
    """The workspace, its people and the stranger, and the invitation that waits."""
    async with site.db.transaction() as tx:
        here = (await create_workspace(tx, site.account.id, "Southgate Works", site.clock())).workspace_id
    people = {"owner": site.account, "stranger": await site.person("eve@example.com")}
    for role in ("developer", "viewer"):
        people[role] = await site.person(f"{PEOPLE[role]}@example.com")
    async with site.db.transaction() as tx:
        for role in ("developer", "viewer"):
            await tx.run(
                "INSERT INTO workspace_members (account_id, workspace_id, role, joined_at)"
                " VALUES ($1, $2, $3, $4)",
                people[role].id,
                here,
                role,
                site.clock(),
            )
        key = "ines@example.com"
        invitation, _ = await invite(
            tx, here, email=key, email_key=key, role="viewer", by=site.account.id, now=site.clock()
        )
    return here, people, invitation.id


@pytest.fixture
async def scene(site: Site) -> Scene:
    here, people, invitation = await team(site)
    apps = {}
    for kind in CLIENT_TYPES:
        client, _ = await register_client(
            site.db,
            type_name=kind,
            asked=REGISTRATIONS[kind],
            owner_account_id=site.account.id,
            organization_id=(await personal_organization(site.db, site.account.id)).id,
            data_center="us",
            now=site.clock(),
            workspace_id=here,
        )
        apps[kind] = client.id
    browsers = {who: await site.signed_in(f"{PEOPLE[who]}@example.com") for who in people}
    for who, browser in browsers.items():
        page = await browser.get("/console/team")  # a first visit makes the personal workspace
        if who != "stranger":
            form = {"token": hidden_token(page, "/console/workspace"), "workspace": str(here)}
            assert (await browser.post("/console/workspace", form)).status_code == 303
            assert "Southgate Works" in (await browser.get("/console/team")).text
    api, _ = await create_api(
        site.db,
        said=ApiDeclaration("https://billing.example", "Billing", "Southgate Billing"),
        data_center="us",
        now=site.clock(),
        workspace_id=here,
    )
    values = {
        "api_id": api.client_id,
        "member": str(people["viewer"].id),
        "invitation": invitation,
        "sample": "data_sync",
        "type": "server-based",
    }
    return Scene(site, apps, browsers, values)


def hidden_token(page: httpx2.Response, action: str) -> str:
    found = re.search(rf'action="{action}"><input type="hidden" name="token" value="([^"]*)"', page.text)
    assert found, page.text[:400]
    return found[1]


def test_this_test_knows_every_role_and_every_parameter_of_the_pages() -> None:
    assert set(ROLES) == set(PEOPLE) - {"stranger"}
    for page in PAGES:
        names = {part[1:-1] for part in page.path.split("/") if part.startswith("{")}
        assert names <= KNOWN, f"{page.path}: give its parameter a value in the scene"


async def test_T143_to_a_stranger_no_page_of_a_client_exists(scene: Scene) -> None:
    before = await scene.contents()
    for page in OF_CLIENT:
        answer = await scene.ask("stranger", page, scene.at(page))
        assert answer.status_code == 404, (page.method, page.path)
        assert "Lead Desk" not in answer.text
    assert await scene.contents() == before


async def test_T143_a_self_client_is_nobody_elses_in_the_team_either(scene: Scene) -> None:
    before = await scene.contents()
    for page in OF_CLIENT:
        answer = await scene.ask("developer", page, scene.at(page, "self-client"))
        assert answer.status_code == 404, (page.method, page.path)
    assert await scene.contents() == before


async def test_T143_a_stranger_changes_nothing_and_sees_nobody_of_another_workspace(scene: Scene) -> None:
    before = await scene.contents()
    for page in PAGES:
        if not page.of_client:
            answer = await scene.ask("stranger", page, scene.at(page))
            assert answer.status_code < 500, (page.method, page.path)
            for hidden in ("Southgate", "vic@example.com", "ines@example.com"):
                assert hidden not in answer.text, (page.method, page.path)
            if "{member}" in page.path or page.path.startswith("/console/team/invitations/{"):
                assert answer.status_code == 404, (page.method, page.path)
    assert await scene.contents() == before


@pytest.mark.parametrize("who", ["viewer", "developer"])
async def test_T146_a_role_may_what_its_right_allows_and_nothing_else(scene: Scene, who: str) -> None:
    before = await scene.contents()
    for page in PAGES:
        allowed = page.right in ROLES[who]
        answer = await scene.ask(who, page, scene.at(page))
        told = (page.method, page.path, answer.status_code)
        assert answer.status_code < 500, told
        if not allowed:
            assert answer.status_code == 403, told
            assert "Your role does not allow this" in answer.text, told
        elif page.method == "GET":
            assert "Your role does not allow this" not in answer.text, told
    assert await scene.contents() == before


async def test_T146_whatever_is_posted_to_needs_more_than_seeing_or_is_ones_own(scene: Scene) -> None:
    """A new form for viewers must be named here, and thought about."""
    posts = {page.path for page in PAGES if page.method == "POST" and page.right == VIEW}
    assert not {path for path in posts if "{client_id}" in path}
    assert posts <= OWN_ACTS, posts - OWN_ACTS


async def test_T5_an_owner_who_is_led_to_a_form_by_another_site_changes_nothing(scene: Scene) -> None:
    before = await scene.contents()
    for page in PAGES:
        if page.method == "POST":
            answer = await scene.ask("owner", page, scene.at(page))
            assert answer.status_code in (400, 403, 404), (page.path, answer.status_code)
    assert await scene.contents() == before


async def test_every_page_opens_for_an_owner(scene: Scene) -> None:
    for page in PAGES:
        if page.method == "GET":
            answers = []
            for kind in ("server-based", "self-client", "client-based"):
                answers.append((await scene.ask("owner", page, scene.at(page, kind))).status_code)
                if answers[-1] in (200, 303):
                    break
            assert {*answers} <= {200, 303, 404}, (page.path, answers)
            if page.of_client and page.path not in ABOUT_AN_ENTRY:
                assert answers[-1] != 404, (page.path, answers)


async def test_without_a_session_every_page_asks_to_sign_in_and_every_form_is_refused(scene: Scene) -> None:
    before = await scene.contents()
    scene.browsers["nobody"] = scene.site.browser()
    for page in PAGES:
        answer = await scene.ask("nobody", page, scene.at(page))
        if page.method == "POST":
            assert answer.status_code == 403, page.path
        else:
            assert answer.status_code == 303, page.path
            assert answer.headers["location"].startswith("/signin"), page.path
    after = await scene.contents()
    del before["pending_flows"], after["pending_flows"]  # where to go on after signing in
    assert after == before


OWN_ACTS: Final = frozenset(
    {
        "/console/workspace",
        "/console/workspaces/new",
        "/console/team/leave",
        "/console/invitations/{invitation}",
        "/console/keys",
        "/console/keys/revoke",
        "/console/troubleshoot",
        "/console/troubleshoot/revoke",
    }
)
"""What a person does for themselves alone, whatever their role in the workspace."""
ABOUT_AN_ENTRY: Final = frozenset({"/console/clients/{client_id}/activity/add"})
"""Not there without the entry that they are about."""
