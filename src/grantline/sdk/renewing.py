"""A live access token, whatever it takes: kept, renewed early, or made now.

One caller renews at a time: threads and tasks of a process by a flight, processes and machines by the store's
lock. Who gets the lock reads the store again first, and asks only if it is still needed. A new refresh token
is in the store before its access token is given out; if the answer was lost on the way, or the process died
before it wrote, the same refresh is asked again, which the server answers alike for a minute.
"""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from grantline.sdk.asking import Answer, App, ask
from grantline.sdk.clock import ServerClock
from grantline.sdk.effects import Flow, Get, Put, Sleep, TryLock, Unlock
from grantline.sdk.errors import ReconnectRequired, ScopeMissing, StoreRefused, Throttled
from grantline.sdk.events import Events
from grantline.sdk.metadata import Server, discover
from grantline.sdk.record import AccessToken, Key, Record, Secret
from grantline.sdk.saving import persistently, put_what_is_left, save
from grantline.sdk.windows import Windows

LOCK_SECONDS: Final = 45.0
"""Less than the minute in which a refresh may be asked again: where a store can't see that the lock's owner
died, the next one still gets the answer that was lost."""
LOOK_SECONDS: Final = 0.05
LONGEST_WAIT_SECONDS: Final = 90.0


@dataclass(slots=True)
class Grant:
    """One grant in use: whose it is, and how its tokens are renewed."""

    app: App
    key: Key
    clock: ServerClock = field(default_factory=ServerClock)
    windows: Windows = field(default_factory=Windows)
    server: Server | None = None
    own: bool = False
    """The app's own tokens, by client credentials: there is no refresh token, and nothing to lose."""
    own_scope: tuple[str, ...] = ()
    api_domain: str = ""
    """Where the app says that the APIs are; empty: where the server says, if that can be believed."""
    events: Events = field(default_factory=Events)


def find_server(grant: Grant) -> Flow[Server]:
    """The server of the grant, discovered once. Raises Unreachable."""
    if grant.server is None:
        grant.server = yield from discover(grant.key.issuer)
    return grant.server


def read(grant: Grant) -> Flow[Record]:
    """The stored grant. Raises ReconnectRequired when there is none, or it is over."""
    record: Record | None = yield Get(grant.key.text)
    if record is None:
        if grant.own:
            return Record(grant.key, grant.own_scope)
        raise ReconnectRequired("No grant is stored for this app and person.")
    if record.ended and not grant.own:
        raise ReconnectRequired(f"The grant is over: {record.ended}")
    return record


def check_scope(record: Record, scope: tuple[str, ...]) -> None:
    """Raises ScopeMissing when the grant does not have it all."""
    missing = tuple(one for one in scope if one not in record.scope)
    if missing:
        raise ScopeMissing(f"The grant does not have {' '.join(missing)}.", needed=scope, have=record.scope)


def renew(
    grant: Grant, scope: tuple[str, ...] = (), *, min_seconds: float = 0, refused: str | Secret = ""
) -> Flow[tuple[Record, AccessToken]]:
    """A token that is good for `min_seconds` and is not `refused`, which an API did not take; and the grant
    as it is stored now. Raises the errors of the tree."""
    owner, waited, asked = secrets.token_hex(8), 0.0, False
    try:
        while True:
            found = yield from _good_one(grant, scope, min_seconds, refused)
            if found is not None:
                if waited:
                    grant.events.tell("waited", grant.key, waited)
                return found
            asked = True
            if (yield TryLock(grant.key.text, owner, LOCK_SECONDS)):
                break
            if waited > LONGEST_WAIT_SECONDS:
                raise StoreRefused("Another program renews this grant and does not come to an end.")
            yield Sleep(LOOK_SECONDS)
            waited += LOOK_SECONDS
        while True:
            found = yield from _good_one(grant, scope, min_seconds, refused)
            if found is None:
                found = yield from _make(grant, scope)
            if found is not None:
                return found
    finally:
        if asked:
            with suppress(StoreRefused):  # what was made is good all the same; the lock ends with its time
                yield Unlock(grant.key.text, owner)


def _good_one(
    grant: Grant, scope: tuple[str, ...], min_seconds: float, refused: str | Secret
) -> Flow[tuple[Record, AccessToken] | None]:
    """What the store has by now, if it is good enough."""
    record = yield from read(grant)
    if not grant.own:
        check_scope(record, scope)
    token = record.token_for(scope)
    if token is None or token.secret.says(refused):
        return None
    state = grant.windows.state(token, grant.clock.now(), min_seconds)
    return (record, token) if state == "fresh" else None


def _make(grant: Grant, scope: tuple[str, ...]) -> Flow[tuple[Record, AccessToken] | None]:
    """Ask the server, and store what it gave before anybody uses it. None when the store is to be looked at
    again. The caller holds the lock, as long as that lasts: one who took too long may have lost it."""
    if (yield from put_what_is_left(grant.key.text)):
        return None
    record = yield from read(grant)
    server = yield from find_server(grant)
    try:
        answer: Answer = yield from ask(
            server, grant.app, grant.clock, _form(grant, record, scope), repeat=True
        )
    except ReconnectRequired as over:
        if not (yield from _end(record, over.what)):
            return None  # somebody renewed meanwhile, or connected anew
        grant.events.tell("reconnect", grant.key)
        raise
    except Throttled as wait:
        grant.events.tell("throttled", grant.key, wait.retry_after or 0.0)
        raise
    used, record = record.refresh_token, _taken(record, answer, scope)
    if grant.own and not scope:  # a server may give less than was asked for
        record = replace(record, scope=record.access_tokens[-1].scope)
    stored = yield from save(record, used)
    if stored is None:
        return None
    token = record.access_tokens[-1]
    grant.events.tell("renewed", grant.key, token.expires_at - token.issued_at)
    return stored, token


def _form(grant: Grant, record: Record, scope: tuple[str, ...]) -> Mapping[str, str | Secret]:
    if grant.own:
        return {"grant_type": "client_credentials", "scope": " ".join(scope or grant.own_scope)}
    if record.refresh_token is None:
        raise ReconnectRequired("The access token is over, and there is no refresh token.")
    form: dict[str, str | Secret] = {
        "grant_type": "refresh_token",
        "refresh_token": record.refresh_token,
    }
    if scope and frozenset(scope) != frozenset(record.scope):
        form["scope"] = " ".join(scope)
    return form


def _taken(record: Record, answer: Answer, scope: tuple[str, ...]) -> Record:
    """The record with what the server gave. What it does not say stays."""
    token = replace(answer.access_token, scope=answer.access_token.scope or scope or record.scope)
    told = answer.api_domain or record.told_api_domain
    return replace(
        record.with_token(token),
        refresh_token=answer.refresh_token or record.refresh_token,
        told_api_domain=told if told != record.api_domain else "",
        ended="",
    )


def _end(record: Record, why: str) -> Flow[bool]:
    """Note that the grant is over, so that nobody asks again; False when it is another one by now."""
    over = replace(record, access_tokens=(), ended=why)
    done: bool = yield Put(record.key.text, over, record.version)
    return done


def keep(
    grant: Grant,
    answer: Answer,
    *,
    email: str = "",
    extra: Mapping[str, Any] | None = None,
    one_person: bool = False,
) -> Flow[Record]:
    """Store a new grant, over one that was there. A server that gives a refresh token with the first consent
    alone leaves the one that is there in force, as far as it reaches: for the same person and organization.
    `one_person`: nobody else can be meant, though nothing says who it is."""
    return (yield from persistently(lambda: _keep(grant, answer, email, extra or {}, one_person)))


def _keep(
    grant: Grant, answer: Answer, email: str, extra: Mapping[str, Any], one_person: bool
) -> Flow[Record]:
    present: Record | None = yield Get(grant.key.text)
    version = present.version if present is not None else 0
    record = replace(
        _taken(Record(grant.key, answer.scope), answer, ()),
        email=email or (present.email if present is not None else ""),
        version=version,
        extra=dict(extra),
    )
    known = one_person or bool(grant.key.subject)  # else another one's token would be renewed in their place
    if known and present is not None and _goes_on(present, record):
        record = replace(record, refresh_token=record.refresh_token or present.refresh_token)
    while not (yield Put(grant.key.text, record, version)):
        present = yield Get(grant.key.text)
        version = present.version if present is not None else 0
    return replace(record, version=version + 1)


def _goes_on(present: Record, record: Record) -> bool:
    """Whether what is there reaches as far as what comes, in the same organization."""
    same = present.extra.get("organization") == record.extra.get("organization")
    return same and not present.ended and set(record.scope) <= set(present.scope)
