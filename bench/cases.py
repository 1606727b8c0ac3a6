"""The cases: which requests are measured, on Grantline and on the others."""

from typing import Final

from bench.measure import Case

SQLITE: Final = "Grantline, SQLite"
POSTGRES: Final = "Grantline, PostgreSQL"

CLIENT_CREDENTIALS: Final = "client credentials"
CLIENT_CREDENTIALS_JWT: Final = "client credentials, ES256 JWT"
REFRESH: Final = "refresh, no rotation"
ROTATION: Final = "refresh with rotation"
INTROSPECTION: Final = "introspection by the app"
CODE: Final = "code to tokens"

PEER_CODE_SECONDS: Final = 3
"""Codes fill the memory of a peer that has no database, and that would make everything else dearer."""

ECHO: Final = Case("echo: the least that the stack costs", "/", "get", "")


def _bars(
    postgres: tuple[int, int | None], sqlite: tuple[int, int]
) -> tuple[tuple[str, int, int | None], ...]:
    return ((POSTGRES, *postgres), (SQLITE, *sqlite))


_TOKEN: Final = "/oauth/v2/token"
_ACTIVE: Final = '"active":true'

CASES: Final = (
    Case("floor: GET /health/live", "/health/live", "get", ""),
    Case("keys: GET /oauth/v2/keys", "/oauth/v2/keys", "get", ""),
    Case(CLIENT_CREDENTIALS, _TOKEN, "any", "client_credentials", _bars((80, 70), (95, 75))),
    Case(CLIENT_CREDENTIALS_JWT, _TOKEN, "any", "jwt", _bars((115, 95), (125, 100))),
    Case(REFRESH, _TOKEN, "any", "refresh", _bars((90, 75), (95, 75))),
    Case(ROTATION, _TOKEN, "chain", "rotation", _bars((120, 110), (190, 150))),
    Case(
        "introspection by an API",
        "/oauth/v2/introspect",
        "any",
        "introspection_api",
        _bars((75, 65), (65, 55)),
        proof=_ACTIVE,
    ),
    Case(
        INTROSPECTION,
        "/oauth/v2/introspect",
        "any",
        "introspection_app",
        _bars((75, 65), (65, 55)),
        proof=_ACTIVE,
    ),
    Case(CODE, _TOKEN, "once", "codes", _bars((130, None), (230, 170))),
)


def peer_cases(token: str, introspection: str) -> tuple[Case, ...]:
    """The cases of a peer, by the paths of its endpoints. It has those whose file it wrote."""
    return (
        Case(CLIENT_CREDENTIALS, token, "any", "client_credentials"),
        Case(CLIENT_CREDENTIALS_JWT, token, "any", "jwt"),
        Case(REFRESH, token, "any", "refresh"),
        Case(ROTATION, token, "chain", "rotation"),
        Case(INTROSPECTION, introspection, "any", "introspection", proof=_ACTIVE),
        Case(CODE, token, "once", "codes", most_seconds=PEER_CODE_SECONDS),
    )
