"""The kinds that are counted for an app, by name.

`authorization.*` is what people were asked and answered, `token.<grant>` what was issued, `api_call` a token
that an API asked about and that works, `secret:<id>` which secret authenticated, `scope:<name>` what an API
said it needed, `refused` what went wrong after the app had proven itself and `refused.unproven` what anybody
may have sent in its name (T130).
"""

from typing import Final

HOUR: Final = 3600
DAY: Final = 24 * HOUR

STARTED: Final = "authorization.started"
ALLOWED: Final = "authorization.allowed"
DECLINED: Final = "authorization.declined"
FAILED: Final = "authorization.failed"
"""Sent back with an error before anybody was asked, or after."""
API_CALL: Final = "api_call"
REFUSED: Final = "refused"
REFUSED_UNPROVEN: Final = "refused.unproven"
TOKENS: Final = (
    "token.authorization_code",
    "token.refresh_token",
    "token.client_credentials",
    "token.device_code",
    "token.implicit",
)
ANY_TOKEN: Final = "token"
"""All tokens of a workspace."""
WORKSPACE_PREFIX: Final = "workspace:"
_SECRET: Final = "secret:"
_SCOPE: Final = "scope:"


def token_kind(grant_type: str) -> str:
    """The kind of a grant type: the last word of its name, which may be a URN."""
    return "token." + grant_type.rpartition(":")[2]


def secret_kind(secret_id: str) -> str:
    """The kind of one secret."""
    return _SECRET + secret_id


def workspace_key(workspace_id: int) -> str:
    """What stands in the place of the app's id where a whole workspace is counted."""
    return f"{WORKSPACE_PREFIX}{workspace_id}"


def scope_kind(scope: str) -> str:
    """The kind of one scope of the catalogue."""
    return _SCOPE + scope


def scope_of(kind: str) -> str:
    """The scope that a kind counts."""
    return kind.removeprefix(_SCOPE)
