"""Grant tokens (authorization codes) of a self client, for its owner alone (R42–R45)."""

from typing import Literal

from pydantic import Field

from grantline.clients import Client
from grantline.oauth.scope import parse_scope
from grantline.tokens import CodeLimitReached, generate_code
from grantline.web.console.codes import LONGEST_DESCRIPTION
from grantline.web.console_api.caller import Caller, throttled
from grantline.web.console_api.operations import Body, Operation, Reply, Shown, Text
from grantline.web.console_api.problems import not_found
from grantline.web.console_api.secrets import check_owner
from grantline.web.vendor_wire import scope_aliases
from grantline.workspaces import CHANGE


class CodeMade(Shown):
    """A code: it works once, and is shown once."""

    code: str
    client_id: str
    scope: list[str]
    expires_in: int
    expires_at: int
    token_endpoint: str


class NewCode(Body):
    """What the code allows, and for how long it can be exchanged."""

    scope: Text = Field(description="Scopes, separated by commas or spaces.")
    minutes: Literal[3, 5, 7, 10] = 3
    description: Text = Field(default="", max_length=LONGEST_DESCRIPTION)


async def generate(caller: Caller, client: Client, body: NewCode) -> Reply:
    """POST /clients/{client_id}/codes."""
    if client.type.name != "self-client":
        raise not_found()
    check_owner(caller, client)
    mint = caller.server.mint
    resolved = mint.catalog.resolve(parse_scope(body.scope), scope_aliases(client))
    try:
        async with caller.db.transaction() as tx:
            code = await generate_code(
                mint,
                tx,
                client,
                resolved,
                now=caller.now,
                life_seconds=body.minutes * 60,
                auth_time=caller.token.created_at,
                description=body.description,
            )
            told = {"scope": list(resolved.names), "minutes": body.minutes}
            await caller.record(tx, "code.generated", client=client, after=told)
    except CodeLimitReached as limit:
        raise throttled(limit.wait_seconds) from None
    made = CodeMade(
        code=code,
        client_id=client.id,
        scope=list(resolved.names),
        expires_in=body.minutes * 60,
        expires_at=caller.now + body.minutes * 60,
        token_endpoint=f"{caller.server.issuer}/oauth/v2/token",
    )
    return Reply(made, 201)


OPERATIONS = (
    Operation(
        "POST",
        "/clients/{client_id}/codes",
        generate,
        "codes:write",
        "Generate a code for a self client",
        CodeMade,
        CHANGE,
        status=201,
        body=NewCode,
    ),
)
