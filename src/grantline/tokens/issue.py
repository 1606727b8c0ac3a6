"""The single place where tokens are made: access tokens, id_tokens, and the authorizations behind them."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple

from grantline.activity import Entry
from grantline.audit import record_event
from grantline.clients import Client
from grantline.db import Transaction
from grantline.limits import Limit
from grantline.oauth.errors import InvalidScope, InvalidTarget, Throttled
from grantline.oauth.id_token import id_token_claims
from grantline.opaque import digest
from grantline.tokens.access_tokens import AccessToken, mint_access_token
from grantline.tokens.authorizations import (
    NewAuthorization,
    insert_authorization,
    list_held,
    next_shared_sequence,
    revoke_authorization,
    set_refresh_hash,
)
from grantline.tokens.jwt_access_tokens import Holder, mint_jwt_access_token
from grantline.tokens.mint import LIVE_ACCESS_TOKENS, LIVE_REFRESH_TOKENS, REFRESH_SPAN_SECONDS, Mint
from grantline.tokens.refresh_tokens import mint_refresh_token
from grantline.tokens.scope_sets import ScopeSet

_NO_CLAIMS: Final[Mapping[str, object]] = MappingProxyType({})
ID_TOKEN_SECONDS: Final = 3600
NEARLY_ALL_REFRESH_TOKENS: Final = LIVE_REFRESH_TOKENS * 4 // 5
NEW_REFRESH_TOKENS: Final = Limit("new-refresh-tokens", 10, REFRESH_SPAN_SECONDS)


class Issued(NamedTuple):
    """A new or joined authorization: its number, the sequence for the first access token, and its refresh
    token if it has one."""

    authorization_id: int
    sequence: int
    refresh_token: str | None


async def issue_authorization(
    tx: Transaction, mint: Mint, client: Client, new: NewAuthorization, now: int, *, request_id: str = ""
) -> Issued:
    """A row of its own for a `refresh` authorization, the shared row for the other kinds.

    The twenty-first refresh token of a person and app ends the oldest, and says so (B3). Raises Throttled
    when too many new ones
    were made in ten minutes.

    For a `refresh` authorization the caller holds the account's lock, taken before anything else: what a
    person has is counted here.
    """
    if new.kind != "refresh":
        joined = await next_shared_sequence(tx, new, now)
        if joined is None:
            joined = await insert_authorization(tx, new, now)
        return Issued(joined[0], joined[1], None)
    await _make_room(tx, mint, client, new, now, request_id)
    kind = client.type
    number, sequence = await insert_authorization(
        tx,
        replace(
            new,
            live_limit=LIVE_ACCESS_TOKENS,
            refresh_idle_seconds=kind.idle_seconds,
            refresh_expires_at=now + kind.absolute_seconds if kind.absolute_seconds else None,
        ),
        now,
    )
    token = mint_refresh_token(mint.keyring, mint.home.code, number)
    await set_refresh_hash(tx, number, digest(token))
    return Issued(number, sequence, token)


async def _make_room(
    tx: Transaction, mint: Mint, client: Client, new: NewAuthorization, now: int, request_id: str
) -> None:
    held = await list_held(
        tx, account_id=new.account_id, client_id=client.id, organization_id=new.organization_id
    )
    lately = [one for one in held if one.created_at > now - REFRESH_SPAN_SECONDS]
    if mint.limiter.factor and len(lately) >= mint.limiter.allowed(NEW_REFRESH_TOKENS):
        wait = lately[0].created_at + REFRESH_SPAN_SECONDS - now
        raise Throttled(
            "throttled", retry_after=wait, hint="Ten new refresh tokens for one person in ten minutes."
        )
    for oldest in held[: max(0, len(held) - LIVE_REFRESH_TOKENS + 1)]:
        await revoke_authorization(tx, oldest.id, "evicted", now)
        await record_event(
            tx,
            "refresh_token.evicted",
            now=now,
            account_id=new.account_id,
            client_id=client.id,
            organization_id=new.organization_id,
            detail={"authorization": oldest.id, "created_at": oldest.created_at, "used_at": oldest.used_at},
        )
        sentence = (
            f"The oldest of {LIVE_REFRESH_TOKENS} refresh tokens of this person was ended: {oldest.id}."
        )
        _tell(mint, client, f"{request_id or 'event'}_{oldest.id}", "refresh_token_evicted", sentence, now)
    if len(held) + 1 == NEARLY_ALL_REFRESH_TOKENS:
        sentence = f"One person has {len(held) + 1} of {LIVE_REFRESH_TOKENS} refresh tokens."
        _tell(mint, client, f"{request_id or 'event'}_near", "limit_near", sentence, now)


def _tell(mint: Mint, client: Client, id: str, code: str, sentence: str, now: int) -> None:
    """Put an event into the activity of the app."""
    mint.recorder.record(
        Entry(
            id=id,
            client_id=client.id,
            proven=True,
            at=now,
            endpoint="token",
            error="event",
            code=code,
            status=200,
            detail={"hint": sentence},
            workspace_id=client.workspace_id,
        )
    )


async def scope_set_for(mint: Mint, scope: tuple[str, ...], resources: tuple[str, ...]) -> ScopeSet:
    """The row for these scopes and their audience: the resources named, else the APIs that serve them; and
    this issuer, whose userinfo answers, where a scope is about the person or nothing else is named (T95).

    May write; never call it inside a transaction.
    """
    asked = (scope, resources)
    known = mint.scope_sets.find_asked(mint.catalog, asked)
    if known is not None:
        return known
    audience = resources or mint.catalog.audience(scope)
    if not audience or mint.catalog.about_person(scope):
        audience = (*audience, mint.home.issuer)
    found = await mint.scope_sets.get(scope, audience)
    mint.scope_sets.keep_asked(mint.catalog, asked, found)
    return found


class Minted(NamedTuple):
    """An access token, and how long it lives."""

    token: str
    expires_in: int


def access_token_of(
    mint: Mint, holder: Holder, authorization_id: int, sequence: int, scope_set: ScopeSet, now: int
) -> Minted:
    """The access token of this sequence, in the form that its audience takes."""
    form = mint.catalog.form_for(scope_set.audience)
    seconds = form.seconds or mint.access_token_seconds
    token = AccessToken(authorization_id, sequence, scope_set.id, now + seconds)
    if form.algorithm:
        return Minted(mint_jwt_access_token(mint, token, holder, scope_set, form.algorithm, now), seconds)
    return Minted(mint_access_token(mint.keyring, mint.home.code, token, now), seconds)


async def access_token_for(
    mint: Mint,
    holder: Holder,
    authorization_id: int,
    sequence: int,
    scope: tuple[str, ...],
    resources: tuple[str, ...],
    now: int,
) -> Minted:
    """The access token of this sequence, for exactly these scopes and, where named, these resources."""
    scope_set = await scope_set_for(mint, scope, resources)
    return access_token_of(mint, holder, authorization_id, sequence, scope_set, now)


def id_token_for(
    mint: Mint,
    client: Client,
    account_id: int,
    *,
    now: int,
    auth_time: int,
    nonce: str | None = None,
    sid: str | None = None,
    access_token: str | None = None,
    code: str | None = None,
    claims: Mapping[str, object] = _NO_CLAIMS,
) -> str:
    """The id_token for this person and app (OpenID Connect Core §2). `claims` are those about the person,
    where they are to be read from it."""
    alg = "RS256"
    members = id_token_claims(
        issuer=mint.home.issuer,
        sub=str(account_id),
        aud=client.id,
        now=now,
        lifetime_seconds=ID_TOKEN_SECONDS,
        auth_time=auth_time,
        nonce=nonce,
        sid=sid,
        access_token=access_token,
        code=code,
        alg=alg,
        extra=claims,
    )
    return mint.keyring.sign(members, alg=alg, typ="JWT", now=now)


Narrowed = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...] | None]
"""Scope, resources and asked spelling of a token."""


def narrow(
    mint: Mint,
    granted: tuple[str, ...],
    granted_resources: tuple[str, ...],
    asked: str | None,
    asked_resources: tuple[str, ...],
    aliases: Mapping[str, str] | None = None,
) -> Narrowed:
    """Scope, resources and asked spelling of a token out of a grant: as asked, never more (RFC 6749 §6, RFC
    8707 §2.2, T45).

    Names are compared exactly, without hierarchy. The third value is None when nothing was asked. Raises
    InvalidScope, InvalidTarget.
    """
    scope, spelled = granted, None
    if asked is not None:
        resolved = mint.catalog.read(asked, aliases or {})
        for name in resolved.names:
            if name not in granted:
                raise InvalidScope("scope_exceeds_grant", received=name, expected=" ".join(granted))
        scope, spelled = resolved.names, resolved.asked
    resources = granted_resources
    if asked_resources:
        allowed = granted_resources or mint.catalog.audience(granted)
        for resource in asked_resources:
            if resource not in mint.catalog.identifiers():
                raise InvalidTarget("resource_unknown", received=resource)
            if resource not in allowed:
                raise InvalidTarget("resource_not_granted", received=resource)
        resources = asked_resources
        served = [name for resource in resources for name in mint.catalog.served_by(resource, scope)]
        scope = tuple(name for name in scope if name in served)
        if not scope:
            raise InvalidScope(
                "scope_exceeds_grant", hint="None of the scopes belongs to the resource asked for."
            )
    elif resources:
        scope = mint.catalog.meant_for(resources, scope)
    if not resources and mint.catalog.is_ambiguous(scope):
        raise InvalidTarget("resource_needed", expected=" ".join(mint.catalog.audience(scope)))
    return scope, resources, spelled
