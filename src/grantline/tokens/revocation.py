"""Taking tokens back (RFC 7009): a refresh token ends its authorization, an access token ends itself."""

import hmac

from grantline.audit import record_event
from grantline.clients import Client, find_client
from grantline.oauth.errors import InvalidClient, InvalidGrant
from grantline.opaque import ACCESS_TOKEN, REFRESH_TOKEN, digest
from grantline.tokens.authorizations import (
    Authorization,
    find_authorization,
    revoke_authorization,
    revoke_sequence,
)
from grantline.tokens.jwt_access_tokens import read_access_token
from grantline.tokens.made_elsewhere import issuer_elsewhere
from grantline.tokens.mint import Mint
from grantline.tokens.refresh_tokens import parse_refresh_token


async def revoke_token(mint: Mint, caller: Client | None, text: str, network: str, now: int) -> bool:
    """End the token; True when there was one to end, and it was the caller's. Unknown and dead tokens are no
    error.

    Without a caller (no credentials came) possession suffices for tokens of public clients, Self Clients and
    clients with the vendor switch; those of others raise InvalidClient, and a caller's wish to end another's
    token InvalidGrant (T49, RFC 7009 §2.1), as does a token of another data center: it is alive there, and
    to say nothing would be to say that it is not (R84).
    """
    access = await read_access_token(mint, text, now)
    if access is not None:
        authorization = await find_authorization(mint.db, access.authorization_id)
        if authorization is None or access.expires_at <= now or not authorization.live:
            return False
        await _check_may_revoke(mint, caller, authorization)
        await revoke_sequence(mint.db, authorization.id, access.sequence, access.expires_at, now)
        return True
    refresh = parse_refresh_token(mint.keyring, mint.home.code, text)
    if refresh is None and (issuer := issuer_elsewhere(mint, text, ACCESS_TOKEN, REFRESH_TOKEN)) is not None:
        refusal = InvalidGrant("token_wrong_data_center", members={"expected_issuer": issuer})
        raise refusal.concerning(caller.id) if caller is not None else refusal
    if refresh is None or not refresh.made_here:
        return False
    authorization = await find_authorization(mint.db, refresh.authorization_id)
    if authorization is None or not authorization.live or not _is_its_token(authorization, text):
        return False
    await _check_may_revoke(mint, caller, authorization)
    async with mint.db.transaction() as tx:
        ended = await revoke_authorization(tx, authorization.id, "revoked_by_app", now)
        if ended:
            await record_event(
                tx,
                "authorization.revoked",
                now=now,
                account_id=authorization.account_id or None,
                client_id=authorization.client_id,
                organization_id=authorization.organization_id,
                network=network,
                detail={"authorization": authorization.id, "by": "app"},
            )
    return ended


def _is_its_token(authorization: Authorization, text: str) -> bool:
    """The present refresh token, or the one just before: an app that lost the answer to a rotation can still
    sign out."""
    hashed = digest(text)
    return any(
        known is not None and hmac.compare_digest(known, hashed)
        for known in (authorization.refresh_hash, authorization.previous_hash)
    )


async def _check_may_revoke(mint: Mint, caller: Client | None, authorization: Authorization) -> None:
    if caller is not None:
        if caller.id != authorization.client_id:
            raise InvalidGrant("token_other_client").concerning(caller.id)
        return
    client = await find_client(mint.db, authorization.client_id)
    assert client is not None  # a live authorization's client is there
    if client.type.public or client.type.name == "self-client" or client.vendor_compatible:
        return
    raise InvalidClient("client_secret_missing").concerning(client.id)
