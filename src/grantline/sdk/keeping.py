"""A new grant is taken into the store: whose it is, by its id_token where there is one."""

import secrets
from dataclasses import replace

from grantline.sdk.asking import Answer
from grantline.sdk.effects import Flow
from grantline.sdk.metadata import Server
from grantline.sdk.renewing import Grant, keep
from grantline.sdk.session import Session
from grantline.sdk.setup import Setup


def keep_grant(
    setup: Setup, server: Server, answer: Answer, *, nonce: str = "", name: str = ""
) -> Flow[Session]:
    """Store what the token endpoint gave, and return the session. The key's subject and organization are the
    id_token's; without one, `name` tells the grant apart, or a random one does. Raises CallbackRefused when
    the id_token is not for this app and attempt."""
    key = setup.key(server.issuer, name=name or secrets.token_hex(8))
    grant: Grant = setup.grant(key)
    grant.server = server
    record = yield from keep(grant, answer)
    return setup.session(replace(grant, key=record.key))
