"""A self client: a program that acts as its owner, without a page. The console's code is exchanged once; the
grant is kept, and later starts need none.

Of a code and a stored grant the newer one wins: a code that the grant was not made with was generated because
somebody wants it, and may carry other scopes. When it can't be exchanged any more and brings nothing that the
grant has not, the grant goes on.
"""

import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from grantline.sdk.effects import Flow, Get, Put, Unlock
from grantline.sdk.errors import GrantTokenUnusable, ReconnectRequired
from grantline.sdk.locking import take_lock
from grantline.sdk.record import Key, Record
from grantline.sdk.redeeming import redeem
from grantline.sdk.renewing import keep
from grantline.sdk.session import Session
from grantline.sdk.setup import Options, Setup, Source, read_members, scopes, set_up

LOG: Final = logging.getLogger("grantline.sdk")
NAME: Final = "self-client"
_FIX: Final = "Generate a code in the console, and start within its minutes."
_LATEST_SECONDS: Final = 10**11
"""Larger instants are in milliseconds, as in the vendor's file."""


@dataclass(frozen=True, slots=True)
class GrantToken:
    """The console's code, with what the file says of it."""

    code: str = field(repr=False)
    scope: tuple[str, ...] = ()
    expires_at: float | None = None

    @property
    def mark(self) -> str:
        """What is kept with a grant to know the code that it was made with."""
        return hashlib.sha256(self.code.encode()).hexdigest()


def self_client(source: Source, code: str, options: Options) -> Session:
    """See Grantline.self_client."""
    setup, token = _prepare(source, code, options)
    return setup.run(connect(setup, token))


async def aself_client(source: Source, code: str, options: Options) -> Session:
    """The same, for tasks."""
    setup, token = _prepare(source, code, options)
    return await setup.arun(connect(setup, token))


def client_credentials(source: Source, options: Options) -> Session:
    """See Grantline.client_credentials."""
    setup = set_up(source, **options)
    key = setup.key(name="own " + " ".join(sorted(setup.scope)))
    return setup.session(setup.grant(key, own=True))


def _prepare(source: Source, code: str, options: Options) -> tuple[Setup, GrantToken | None]:
    members = read_members(source)
    setup = set_up(members, **options)
    return setup, read_grant_token(members, code)


def read_grant_token(members: Mapping[str, Any], code: str = "") -> GrantToken | None:
    """The code of a call or of a file: ours with `expires_at`, the vendor's with `expiry_time`."""
    if code:
        return GrantToken(code)
    found = members.get("code")
    if not isinstance(found, str) or not found:
        return None
    asked, end = members.get("scope", ()), members.get("expires_at", members.get("expiry_time"))
    try:
        instant = float(end) if end is not None and not isinstance(end, bool) else None
    except (TypeError, ValueError, OverflowError):
        instant = None
    if instant is not None and instant > _LATEST_SECONDS:
        instant /= 1000
    return GrantToken(found, scopes(asked) if isinstance(asked, str | list) else (), instant)


def connect(setup: Setup, token: GrantToken | None) -> Flow[Session]:
    """The session of the app's one grant. Of many who start at once with one code, one exchanges it. Raises
    the errors of the tree."""
    key = setup.key(name=NAME)
    present: Record | None = yield Get(key.text)
    if token is not None and not _knows(present, token):
        owner = secrets.token_hex(8)
        yield from take_lock(key.text, owner)
        try:
            present = yield Get(key.text)
            if not _knows(present, token):
                present = yield from _exchange(setup, key, token, present)
        finally:
            yield Unlock(key.text, owner)
    if present is None:
        raise ReconnectRequired("No grant is stored for this app, and there is no code.", fix=_FIX)
    if present.ended:
        raise ReconnectRequired(f"The grant is over: {present.ended}", fix=_FIX)
    return setup.session(setup.grant(key))


def _knows(record: Record | None, token: GrantToken) -> bool:
    """Whether this code was seen to already."""
    return record is not None and token.mark in record.extra.get("codes", ())


def _exchange(setup: Setup, key: Key, token: GrantToken, present: Record | None) -> Flow[Record]:
    """The grant to use from now on. The caller holds the lock."""
    grant = setup.grant(key)
    grant.server = yield from setup.known.server(key.issuer)
    try:
        answer = yield from redeem(grant.server, grant.app, grant.clock, token.code, {})
    except GrantTokenUnusable as problem:
        if present is None or present.ended or not _covers(present, token):
            raise _late(problem, token, grant.clock.now()) from None
        LOG.warning("the new code can't be used; the stored grant has its scopes and goes on")
        seen = {**present.extra, "codes": [*present.extra.get("codes", ())[-9:], token.mark]}
        yield Put(key.text, replace(present, extra=seen), present.version)
        return present
    extra = {"home": key.issuer, "codes": [token.mark]}
    return (yield from keep(grant, answer.as_asked(token.scope), extra=extra, one_person=True))


def _covers(record: Record, token: GrantToken) -> bool:
    return {one.lower() for one in token.scope} <= {one.lower() for one in record.scope}


def _late(problem: GrantTokenUnusable, token: GrantToken, now: float) -> GrantTokenUnusable:
    """The same, in numbers where the file says when the code ended."""
    if token.expires_at is None or now <= token.expires_at:
        return problem
    ago = int(now - token.expires_at)
    said = f"The code expired {ago} second{'' if ago == 1 else 's'} ago."
    late = GrantTokenUnusable(said, fix=_FIX, code=problem.code, request_id=problem.request_id)
    late.docs = problem.docs
    return late
