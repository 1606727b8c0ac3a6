"""Where in the console a person is: in which workspace, with which role, at which client."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from grantline.accounts import Account
from grantline.clients import Client
from grantline.web import cookies
from grantline.web.languages import _
from grantline.web.visit import Visit
from grantline.workspaces import CHANGE, MANAGE, Membership, ensure_personal_workspace, list_memberships


@dataclass(frozen=True, slots=True)
class Place:
    """What every page of the console knows of its visitor."""

    account: Account
    membership: Membership
    memberships: Sequence[Membership]
    client: Client | None = None

    @property
    def workspace_id(self) -> int:
        """The workspace in which pages show and add things."""
        return self.membership.workspace_id

    def at(self, client: Client, role: str) -> "Place":
        """The same person at this client, in the workspace of the client."""
        found = next((known for known in self.memberships if known.workspace_id == client.workspace_id), None)
        here = found or Membership(self.account.id, client.workspace_id, "", False, role)
        return replace(self, membership=replace(here, role=role), client=client)

    def frame(self, visit: Visit) -> Mapping[str, Any]:
        """What `frame/console.html` needs: `visit.render(template, **place.frame(visit), …)`."""
        here = self.membership
        return {
            "script": True,
            "person": visit.person,
            "workspace": {
                "id": here.workspace_id,
                "name": self.name_of(here),
                "personal": here.personal,
                "role": here.role,
                "may_change": here.may(CHANGE),
                "may_manage": here.may(MANAGE),
            },
            "workspaces": [
                {"id": known.workspace_id, "name": self.name_of(known)} for known in self.memberships
            ],
            "switch_token": visit.form_token("workspace.switch"),
            "look_up_token": visit.form_token("look-up"),
            "centers": other_consoles(visit),
            "client": _client(self.client, visit) if self.client is not None else None,
        }

    def name_of(self, membership: Membership) -> str:
        """The name of a workspace; a personal one is called after its person."""
        return membership.name or self.account.name


def other_consoles(visit: Visit) -> Sequence[Mapping[str, str]]:
    """The consoles of the other data centers, for the bar: each manages what was registered there (R24)."""
    return [
        {"name": one.name, "host": one.issuer.partition("://")[2], "console": one.console}
        for one in visit.server.mint.data_centers.others
    ]


def _client(client: Client, visit: Visit) -> Mapping[str, Any]:
    now = visit.now
    return {
        "client_id": client.id,
        "name": client.name,
        "type": client.type.name,
        "type_title": _(client.type.title),
        "created_at": client.created_at,
        "homepage": client.homepage_url,
        "enabled": client.enabled,
        "redirects": client.type.redirect_uris != "none",
        "secret": client.type.secret,
        "crosses": client.type.crosses and bool(visit.server.mint.data_centers.others),
        "rehearsal_until": client.rehearsal_until if client.rehearsal_until > now else 0,
    }


async def find_place(visit: Visit, account: Account) -> Place:
    """The person's place: the workspace chosen last in this browser, else the personal one."""
    db = visit.server.db
    memberships = await list_memberships(db, account.id)
    if not any(known.personal for known in memberships):
        await ensure_personal_workspace(db, account.id, visit.now)
        memberships = await list_memberships(db, account.id)
    chosen = cookies.read_workspace(visit.server, visit.request)
    here = next((known for known in memberships if known.workspace_id == chosen), memberships[0])
    return Place(account, here, memberships)
