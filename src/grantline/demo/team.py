"""The demo's team: a workspace of its developer, with somebody who may look but not change, and an app."""

from collections.abc import Sequence
from typing import Final

from grantline.accounts import Account
from grantline.audit import record_event, render_change
from grantline.clients import Registration, register_client
from grantline.demo.seed import Ports, Seed
from grantline.web import Server
from grantline.workspaces import accept_invitation, create_workspace, ensure_personal_workspace, invite

TEAM: Final = "Northgate Tools"
APP: Final = "Quote Desk"


async def seed_team(server: Server, seed: Seed, people: Sequence[Account], ports: Ports) -> None:
    """Made once; whatever becomes of it afterwards stays."""
    if seed.get("team") is not None:
        return
    owner, viewer = people
    now = server.clock()
    for account in people:
        await ensure_personal_workspace(server.db, account.id, now)
    async with server.db.transaction() as tx:
        here = await create_workspace(tx, owner.id, TEAM, now)
        invitation, token = await invite(
            tx,
            here.workspace_id,
            email=viewer.email,
            email_key=viewer.email,
            role="viewer",
            by=owner.id,
            now=now,
        )
        await accept_invitation(tx, invitation, token, viewer.id, now)
        told = {"person": viewer.email, "role": "viewer"}
        for kind, account, after in (
            ("workspace.created", owner, {"name": TEAM}),
            ("member.joined", viewer, told),
        ):
            await record_event(
                tx,
                kind,
                now=now,
                account_id=account.id,
                workspace_id=here.workspace_id,
                detail=render_change(after=after),
            )
    await register_client(
        server.db,
        type_name="server-based",
        asked=Registration(name=APP, redirect_uris=(f"{ports.sample(4)}/callback",)),
        owner_account_id=owner.id,
        organization_id=here.workspace_id,
        data_center=server.code,
        now=now,
        workspace_id=here.workspace_id,
    )
    seed.put("team", here.workspace_id)
