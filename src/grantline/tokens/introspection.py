"""Judging a token: is it live, whose is it, what may it do (RFC 7662). Userinfo asks the same question
here."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from grantline.accounts import Organization, find_account
from grantline.clients import (
    RESOURCE_API,
    Authenticated,
    Client,
    Unconfirmed,
    confirmation,
    confirms,
    find_client,
    get_client_type,
)
from grantline.db import Row
from grantline.opaque import ACCESS_TOKEN, REFRESH_TOKEN, digest
from grantline.tokens.access_tokens import AccessToken
from grantline.tokens.authorizations import (
    STANDING_COLUMNS,
    STANDING_FROM,
    Authorization,
    Standing,
    find_authorization,
    find_standing,
    standing,
)
from grantline.tokens.claims import claims_for, organization_claims
from grantline.tokens.jwt_access_tokens import origins_for, read_access_token
from grantline.tokens.made_elsewhere import issuer_elsewhere
from grantline.tokens.mint import Mint, life_seconds
from grantline.tokens.refresh_tokens import parse_refresh_token

_ORGANIZATION: Final = STANDING_COLUMNS.count(",") + 1
_IDENTIFIER: Final = _ORGANIZATION + 2
INACTIVE: Final[Mapping[str, object]] = MappingProxyType({"active": False})


_FOR_APP: Final = f"SELECT {STANDING_COLUMNS} {STANDING_FROM} WHERE a.id = $1"
_FOR_API: Final = (
    f"SELECT {STANDING_COLUMNS}, o.id, o.name, i.identifier {STANDING_FROM}"
    " LEFT JOIN organizations o ON o.id = a.organization_id"
    " LEFT JOIN apis i ON i.client_id = $2 WHERE a.id = $1"
)
_CALLER: Final = confirms(2)
_FOR_REMEMBERED_APP: Final = f"{_FOR_APP} AND {_CALLER}"
_FOR_REMEMBERED_API: Final = f"{_FOR_API} AND {_CALLER}"


class LiveToken(NamedTuple):
    """An access token that works at this moment."""

    authorization: Standing
    sequence: int
    scope: tuple[str, ...]
    audience: tuple[str, ...]
    expires_at: int


async def find_live_token(mint: Mint, text: str, now: int) -> LiveToken | None:
    """What an access token gives, if everything about it holds: MAC, expiry, authorization, client, account,
    sequence (T50)."""
    token = await read_access_token(mint, text, now)
    if token is None or token.expires_at <= now:
        return None
    return await _judge(mint, token, await find_standing(mint.db, token.authorization_id))


async def _judge(mint: Mint, token: AccessToken, authorization: Standing | None) -> LiveToken | None:
    if authorization is None or not authorization.live or not authorization.sequence_is_live(token.sequence):
        return None
    scope_set = await mint.scope_sets.find(token.scope_set_id)
    if scope_set is None:
        return None
    return LiveToken(authorization, token.sequence, scope_set.scope, scope_set.audience, token.expires_at)


async def find_holder(mint: Mint, text: str, now: int) -> str | None:
    """The client that an access token of ours was issued to, whether or not it still works."""
    token = await read_access_token(mint, text, now)
    authorization = await find_authorization(mint.db, token.authorization_id) if token is not None else None
    return authorization.client_id if authorization is not None else None


async def introspect(mint: Mint, asking: Authenticated, text: str, now: int) -> Mapping[str, object]:
    """The introspection answer for this caller (RFC 7662 §2.2).

    A client may ask about tokens issued to itself; an API about those whose audience it is in; anything else
    is `{"active": false}`
    and nothing more, whatever the reason (T97); but what another data center made is told by its name.
    Raises Unconfirmed.
    """
    caller = asking.client
    token = await read_access_token(mint, text, now)
    if token is None or token.expires_at <= now:
        if not asking.confirmed:
            raise Unconfirmed
        return await _introspect_refresh(mint, caller, text, now)
    row = await _ask(mint, asking, token.authorization_id)
    if row is None and not asking.confirmed:
        raise Unconfirmed
    live = await _judge(mint, token, standing(row) if row is not None else None)
    if row is None or live is None:
        return INACTIVE
    for_api = caller.type is RESOURCE_API
    if live.authorization.client_id != caller.id and (not for_api or row[_IDENTIFIER] not in live.audience):
        return INACTIVE
    answer: dict[str, object] = {
        "active": True,
        "scope": " ".join(live.scope),
        "client_id": live.authorization.client_id,
        "token_type": "Bearer",
        "exp": live.expires_at,
        "iat": live.expires_at - life_seconds(mint, live.audience),
        "iss": mint.home.issuer,
        "aud": live.audience[0] if len(live.audience) == 1 else list(live.audience),
    }
    _add_owner(answer, live.authorization)
    if for_api:
        if row[_ORGANIZATION] is not None:
            owner = Organization(row[_ORGANIZATION], row[_ORGANIZATION + 1])
            answer.update(organization_claims(owner))
        await _add_for_api(mint, answer, live, row[_IDENTIFIER])
    return answer


async def _ask(mint: Mint, asking: Authenticated, authorization_id: int) -> Row | None:
    """The authorization's standing, for an API with its organization and the API's identifier, in one
    statement; which confirms the caller, where that is needed."""
    client = asking.client
    if client.type is RESOURCE_API:
        if asking.confirmed:
            return await mint.db.one(_FOR_API, authorization_id, client.id)
        return await mint.db.one(_FOR_REMEMBERED_API, authorization_id, *confirmation(client))
    if asking.confirmed:
        return await mint.db.one(_FOR_APP, authorization_id)
    return await mint.db.one(_FOR_REMEMBERED_APP, authorization_id, *confirmation(client))


def _add_owner(answer: dict[str, object], authorization: Standing) -> None:
    """Whose token it is: a person's number, or the app's own id."""
    if authorization.account_id:
        answer["sub"] = str(authorization.account_id)
        answer["username"] = str(authorization.account_id)
    else:
        answer["sub"] = authorization.client_id
    if authorization.auth_time:
        answer["auth_time"] = authorization.auth_time


async def _add_for_api(mint: Mint, answer: dict[str, object], live: LiveToken, identifier: str) -> None:
    """Origins, as the API declared them, and who the person is where a scope shows it: for APIs alone (RFC
    7662 §5)."""
    authorization = live.authorization
    registered: Sequence[str] | None = None
    if get_client_type(authorization.client_type).origins:
        client = await find_client(mint.db, authorization.client_id)
        registered = client.origins if client is not None else ()
    origins = origins_for(mint, (identifier,), registered)
    if origins is not None:
        answer["origins"] = list(origins)
    if authorization.account_id and await _shows_person(mint, live):
        account = await find_account(mint.db, authorization.account_id)
        if account is not None:
            answer.update(claims_for(account, ("email", "profile")))


async def _shows_person(mint: Mint, live: LiveToken) -> bool:
    """Whether one of the scopes shows the person, and did when they allowed it."""
    known = [mint.catalog.find(name) for name in live.scope]
    since = [scope.shown_since for scope in known if scope is not None and scope.shows_person]
    if not since or not min(since):
        return bool(since)
    authorization = await find_authorization(mint.db, live.authorization.id)
    if authorization is None:
        return False
    if not authorization.shared:
        return authorization.created_at >= min(since)
    issued_at = live.expires_at - life_seconds(mint, live.audience)
    return min(issued_at, authorization.used_at) >= min(since)


async def _introspect_refresh(mint: Mint, caller: Client, text: str, now: int) -> Mapping[str, object]:
    """A refresh token, for the client that holds it; a wrong hint never hides it (RFC 7662 §2.1)."""
    token = parse_refresh_token(mint.keyring, mint.home.code, text)
    if token is None:
        issuer = issuer_elsewhere(mint, text, ACCESS_TOKEN, REFRESH_TOKEN)
        return INACTIVE if issuer is None else {**INACTIVE, "expected_issuer": issuer}
    if not token.made_here:
        return INACTIVE
    authorization = await find_authorization(mint.db, token.authorization_id)
    if authorization is None or not authorization.live or authorization.client_id != caller.id:
        return INACTIVE
    if authorization.refresh_hash != digest(text) or not refresh_in_time(authorization, now):
        return INACTIVE
    answer: dict[str, object] = {
        "active": True,
        "scope": " ".join(authorization.scope),
        "client_id": authorization.client_id,
        "sub": str(authorization.account_id),
        "iss": mint.home.issuer,
    }
    if authorization.refresh_expires_at is not None:
        answer["exp"] = authorization.refresh_expires_at
    return answer


def refresh_in_time(authorization: Authorization, now: int) -> bool:
    """Whether neither the idle limit nor the end of the authorization's refresh token has passed."""
    if authorization.refresh_expires_at is not None and now >= authorization.refresh_expires_at:
        return False
    idle = authorization.refresh_idle_seconds
    return idle is None or now < authorization.used_at + idle
