"""Tracing a token that somebody found: whose it is and whether it still works.

The answer is for the people that it belongs to alone; who asks is for the caller to judge.
"""

from dataclasses import dataclass
from typing import Literal

from grantline.opaque import ACCESS_TOKEN, AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN, digest, recognise
from grantline.tokens.authorizations import Authorization, find_authorization
from grantline.tokens.device_codes import find_device_code
from grantline.tokens.introspection import refresh_in_time
from grantline.tokens.jwt_access_tokens import read_access_token
from grantline.tokens.mint import Mint
from grantline.tokens.refresh_tokens import parse_refresh_token

State = Literal["live", "used", "expired", "ended", "replaced", "waiting", "denied"]


@dataclass(frozen=True, slots=True)
class Trace:
    """What a token stands for."""

    kind: str
    client_id: str
    account_id: int
    """0: nobody's yet, or the app's own."""
    state: State
    authorization_id: int = 0
    scope: tuple[str, ...] = ()
    until: int | None = None


async def trace_token(mint: Mint, text: str, now: int) -> Trace | None:
    """What an access token, refresh token, code or device code of this data center stands for."""
    known, home = recognise(text), mint.home.code
    if known is None or known.data_center != home:
        return None
    match known.kind:
        case kind if kind == ACCESS_TOKEN:
            return await _trace_access(mint, text, now)
        case kind if kind == REFRESH_TOKEN:
            return await _trace_refresh(mint, text, now)
        case kind if kind == AUTHORIZATION_CODE:
            return await _trace_code(mint, text, now)
        case kind if kind == DEVICE_CODE:
            return await _trace_device(mint, text, now)
    return None


async def _trace_access(mint: Mint, text: str, now: int) -> Trace | None:
    token = await read_access_token(mint, text, now)
    found = await find_authorization(mint.db, token.authorization_id) if token is not None else None
    if token is None or found is None:
        return None
    live = found.live and found.sequence_is_live(token.sequence)
    state: State = "live" if live else "ended"
    if token.expires_at <= now:
        state = "expired"
    scope_set = await mint.scope_sets.find(token.scope_set_id)
    scope = scope_set.scope if scope_set is not None else ()
    return _of(found, ACCESS_TOKEN, state, scope, token.expires_at)


async def _trace_refresh(mint: Mint, text: str, now: int) -> Trace | None:
    token = parse_refresh_token(mint.keyring, mint.home.code, text)
    if token is None or not token.made_here:
        return None
    found = await find_authorization(mint.db, token.authorization_id)
    if found is None:
        return None
    state: State = "live"
    if not found.live:
        state = "ended"
    elif found.refresh_hash != digest(text):
        state = "replaced"
    elif not refresh_in_time(found, now):
        state = "expired"
    return _of(found, REFRESH_TOKEN, state, found.scope, found.refresh_expires_at)


def _of(found: Authorization, kind: str, state: State, scope: tuple[str, ...], until: int | None) -> Trace:
    return Trace(kind, found.client_id, found.account_id, state, found.id, scope, until)


async def _trace_code(mint: Mint, text: str, now: int) -> Trace | None:
    row = await mint.db.one(
        "SELECT client_id, account_id, scope, expires_at, consumed_at FROM authorization_codes"
        " WHERE code_hash = $1",
        digest(text),
    )
    if row is None:
        return None
    state: State = "used" if row[4] is not None else "expired" if row[3] <= now else "live"
    return Trace(AUTHORIZATION_CODE, row[0], row[1], state, scope=tuple(row[2].split()), until=row[3])


async def _trace_device(mint: Mint, text: str, now: int) -> Trace | None:
    code = await find_device_code(mint.db, text)
    if code is None:
        return None
    state: State = "waiting" if code.status == "pending" else "live"
    if code.status == "denied":
        state = "denied"
    elif code.consumed_at is not None:
        state = "used"
    elif code.expires_at <= now:
        state = "expired"
    return Trace(DEVICE_CODE, code.client_id, 0, state, scope=code.scope, until=code.expires_at)
