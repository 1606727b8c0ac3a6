"""A program that uses the console's API with a personal access token, over the real application."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from grantline.workspaces import TOKEN_SCOPES, PersonalToken, create_personal_token, ensure_personal_workspace
from tests.site import Site

V1 = "/console/api/v1"


@dataclass(frozen=True, slots=True)
class Program:
    """A program with its token."""

    site: Site
    value: str
    token: PersonalToken

    async def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """One call; `path` below the API's root."""
        headers = {"Authorization": f"Bearer {self.value}", **options.pop("headers", {})}
        return await self.site.call(method, f"{V1}{path}", headers=headers, **options)

    async def get(self, path: str, **options: Any) -> Any:
        """What a GET answers, which is 200."""
        answer = await self.call("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()


async def program(
    site: Site,
    *,
    account_id: int | None = None,
    workspace_id: int | None = None,
    scopes: Sequence[str] = tuple(TOKEN_SCOPES),
    days: int = 30,
) -> Program:
    """A program of a person in a workspace; of the site's account in its own, with every scope."""
    owner = site.account.id if account_id is None else account_id
    await ensure_personal_workspace(site.db, owner, site.clock())
    async with site.db.transaction() as tx:
        value, token = await create_personal_token(
            tx,
            account_id=owner,
            workspace_id=owner if workspace_id is None else workspace_id,
            name="Deploy script",
            scopes=scopes,
            days=days,
            data_center=site.server.code,
            now=site.clock(),
        )
    return Program(site, value, token)
