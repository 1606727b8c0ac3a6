"""A new grant is taken into the store: whose it is, by its id_token where there is one."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grantline.sdk.asking import Answer
from grantline.sdk.effects import Flow, Unlock
from grantline.sdk.identity import Identity, identify, refused
from grantline.sdk.locking import take_lock
from grantline.sdk.metadata import Server
from grantline.sdk.renewing import keep
from grantline.sdk.session import Session
from grantline.sdk.setup import Setup


@dataclass(frozen=True, slots=True)
class Kept:
    """A grant that was taken in, and whose it is."""

    session: Session
    identity: Identity


def keep_grant(
    setup: Setup, server: Server, answer: Answer, *, nonce: str = "", name: str = ""
) -> Flow[Session]:
    """Store what the token endpoint gave, and return the session. The key's subject and organization are the
    id_token's; without one, `name` tells the grant apart, or a random one does. Raises CallbackRefused when
    the id_token is not for this app and attempt."""
    kept = yield from take_in(setup, server, answer, nonce=nonce, name=name)
    return kept.session


def take_in(
    setup: Setup,
    server: Server,
    answer: Answer,
    *,
    nonce: str = "",
    name: str = "",
    signing_in: bool | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Flow[Kept]:
    """The same, with the person. `signing_in` says whether an id_token was asked for; if not told, the scope
    says it. `extra` is kept with the grant."""
    if signing_in is None:
        signing_in = "openid" in (*setup.scope, *answer.scope)
    if signing_in and answer.id_token is None:
        raise refused("there is none, though openid was asked for")
    clock = setup.clock_of(server.issuer)
    identity = Identity(server.issuer)
    if signing_in:
        identity = yield from identify(server, setup.app.client_id, answer, clock, setup.keys, nonce=nonce)
    if identity.subject:
        name = ""
    elif not name:
        name = secrets.token_hex(8)
    key = setup.key(server.issuer, subject=identity.subject, organization=identity.organization, name=name)
    grant = setup.grant(key)
    grant.server = server
    told = {"home": setup.app.issuer, **about(identity)}
    owner = secrets.token_hex(8)
    yield from take_lock(key.text, owner)  # a renewal that is under way would write the old grant over it
    try:
        yield from keep(grant, answer, email=identity.email, extra={**told, **(extra or {})})
    finally:
        yield Unlock(key.text, owner)
    return Kept(setup.session(grant), identity)


def about(identity: Identity) -> Mapping[str, str]:
    """What is kept of a person beside the key and the address (R77)."""
    said = {
        "name": identity.name,
        "organization": identity.organization,
        "organization_name": identity.organization_name,
    }
    return {name: value for name, value in said.items() if value}
