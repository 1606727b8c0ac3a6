"""Who calls the console's API: a personal access token, its person, and their role in its workspace, all as
they are at this moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from grantline.audit import record_event, render_change
from grantline.clients import Client, find_client_for
from grantline.db import Database, Transaction
from grantline.limits import Limit
from grantline.oauth.bearer import BEARER, parse_authorization
from grantline.oauth.errors import InvalidRequest
from grantline.opaque import PERSONAL_TOKEN
from grantline.tokens import issuer_elsewhere
from grantline.web.call import Call
from grantline.web.console.entrance import WRITES
from grantline.web.console_api.problems import Problem, not_found
from grantline.web.right_data_center import describe
from grantline.web.server import Server
from grantline.workspaces import Membership, PersonalToken, Right, find_bearer, note_use

CALLS: Final = Limit("console-api", 600, 60)
FAILURES: Final = Limit("console-api-failures", 60, 60)


@dataclass(frozen=True, slots=True)
class Caller:
    """One call with a token that works."""

    server: Server
    call: Call
    token: PersonalToken
    membership: Membership

    @property
    def db(self) -> Database:
        """The database."""
        return self.server.db

    @property
    def now(self) -> int:
        """The time of the call."""
        return self.call.now

    @property
    def account_id(self) -> int:
        """The token's person."""
        return self.token.account_id

    @property
    def workspace_id(self) -> int:
        """The one workspace that the token sees."""
        return self.token.workspace_id

    def check(self, scope: str, right: Right) -> None:
        """The token is for this, and its person may do it. Raises Problem."""
        if scope not in self.token.scopes:
            raise Problem("key_scope_missing", 403, needed=scope)
        if not self.membership.may(right):
            raise Problem("role_insufficient", 403, needed=right)

    async def client(self, client_id: str) -> Client:
        """The client of this ID in the token's workspace. Raises Problem: foreign is the same as missing
        (T143)."""
        found = await find_client_for(self.db, self.account_id, client_id)
        if found is None or found[0].workspace_id != self.workspace_id:
            raise not_found()
        return found[0]

    def take(self, limit: Limit, subject: str) -> None:
        """Count one act. Raises Problem."""
        if wait := self.server.mint.limiter.take(limit, subject, self.now):
            raise throttled(wait)

    async def record(
        self,
        tx: Transaction | Database,
        kind: str,
        *,
        client: Client | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a change to the audit as the pages do, and with which token. No secret in either."""
        await record_event(
            tx,
            kind,
            now=self.now,
            account_id=self.account_id,
            client_id=client.id if client is not None else None,
            organization_id=client.organization_id if client is not None else None,
            workspace_id=self.workspace_id,
            network=self.call.peer.shown,
            detail={**render_change(before, after), "key": self.token.id},
        )


def throttled(wait: int) -> Problem:
    """A limit was reached."""
    return Problem("throttled", 429, headers=(("retry-after", str(wait)),))


async def find_caller(server: Server, call: Call, *, writes: bool) -> Caller:
    """Who calls. A token that is wrong, over, revoked, or whose person is gone gets one and the same answer.

    Raises Problem.
    """
    limiter, network = server.mint.limiter, call.peer.network
    if wait := limiter.wait_for_network(FAILURES, network, call.now):
        raise throttled(wait)
    presented = _presented(call)
    found = await find_bearer(server.db, presented, server.code, call.now)
    if found is None:
        limiter.take_for_network(FAILURES, network, call.now)
        raise _unusable(server, presented)
    caller = Caller(server, call, *found)
    caller.take(CALLS, caller.token.id)
    if writes:
        caller.take(WRITES, str(caller.account_id))
    await note_use(server.db, caller.token, call.now)
    return caller


def _unusable(server: Server, presented: str) -> Problem:
    """The refusal of a token that finds nobody; another data center's says so by its name (R84)."""
    issuer = issuer_elsewhere(server.mint, presented, PERSONAL_TOKEN)
    if issuer is None:
        return Problem("key_invalid", 401)
    code = "key_wrong_data_center"
    told = describe(code, issuer, server.mint.data_centers)
    return Problem(code, 401, told, expected_issuer=issuer)


def _presented(call: Call) -> str:
    """The token of the Authorization header, which alone may carry one."""
    try:
        presented = parse_authorization(call.authorization or "")
    except InvalidRequest:
        return ""
    return presented.token if presented.scheme == BEARER else ""
