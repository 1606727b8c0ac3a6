"""What the server says about itself, in two documents from one truth.

Sources: RFC 8414 §2, OpenID Connect Discovery §3.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from grantline.oauth.names import (
    GRANT_AUTHORIZATION_CODE,
    GRANT_CLIENT_CREDENTIALS,
    GRANT_DEVICE_CODE,
    GRANT_IMPLICIT,
    GRANT_REFRESH_TOKEN,
    PROMPTS,
    RESPONSE_CODE,
    RESPONSE_ID_TOKEN_TOKEN,
    RESPONSE_TOKEN,
)

CLAIMS = (
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "at_hash",
    "sid",
    "name",
    "given_name",
    "family_name",
    "updated_at",
    "organization",
    "email",
    "email_verified",
)

_ISSUER = re.compile(
    r"(https://[a-z0-9.-]+|http://(?:127\.0\.0\.1|\[::1\]|localhost))(:[0-9]{1,5})?((?:/[A-Za-z0-9._~-]+)*)"
)


def check_issuer(issuer: str) -> None:
    """Check that an issuer is https, or http on loopback, without query, fragment or final slash; ValueError.

    RFC 8414 §2 allows the final slash. We do not: one issuer, one spelling.
    """
    if not _ISSUER.fullmatch(issuer):
        raise ValueError("An issuer is https://host, perhaps with port and path, and without a / at the end.")


def authorization_server_metadata(issuer: str, scopes: Iterable[str]) -> dict[str, Any]:
    """Return the document of RFC 8414 §2, equal to that of OpenID Connect.

    `token` and `id_token token` are listed because the server answers them, but only for browser apps whose
    owner chose it; nobody can register such an app by a program, so no client that reads this could be misled
    (C6, K1). An empty list is left out (RFC 8414 §3.2).
    """
    secret_methods = ["client_secret_basic", "client_secret_post"]
    document: dict[str, Any] = {
        "issuer": issuer,
        **{name: issuer + path for name, path in _ENDPOINTS.items()},
        "scopes_supported": list(scopes),
        "response_types_supported": [RESPONSE_CODE, RESPONSE_TOKEN, RESPONSE_ID_TOKEN_TOKEN],
        "response_modes_supported": ["query", "fragment"],
        "grant_types_supported": [
            GRANT_AUTHORIZATION_CODE,
            GRANT_REFRESH_TOKEN,
            GRANT_CLIENT_CREDENTIALS,
            GRANT_DEVICE_CODE,
            GRANT_IMPLICIT,
        ],
        "subject_types_supported": ["public"],
        # The clients' choice of ES256 comes with registration; what nobody can ask for is not advertised.
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": [*secret_methods, "none"],
        "revocation_endpoint_auth_methods_supported": [*secret_methods, "none"],
        "introspection_endpoint_auth_methods_supported": secret_methods,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": list(PROMPTS),
        "claims_supported": list(CLAIMS),
        "claim_types_supported": ["normal"],
        "authorization_response_iss_parameter_supported": True,
        # Absent, some of these mean true (OpenID Connect Discovery §3), so all are said.
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "require_request_uri_registration": False,
    }
    return {name: value for name, value in document.items() if value != []}


def openid_configuration(issuer: str, scopes: Iterable[str]) -> dict[str, Any]:
    """Return the document of OpenID Connect Discovery §3, which is the same."""
    return authorization_server_metadata(issuer, scopes)


def authorization_server_metadata_url(issuer: str) -> str:
    """Return where RFC 8414 §3.1 puts the document: between the host and the issuer's path."""
    origin, path = _split(issuer)
    return f"{origin}/.well-known/oauth-authorization-server{path}"


def openid_configuration_url(issuer: str) -> str:
    """Return where OpenID Connect Discovery §4 puts the document: after the issuer's path."""
    origin, path = _split(issuer)
    return f"{origin}{path}/.well-known/openid-configuration"


_ENDPOINTS: Final = {
    "authorization_endpoint": "/oauth/v2/auth",
    "token_endpoint": "/oauth/v2/token",
    "userinfo_endpoint": "/oauth/v2/userinfo",
    "jwks_uri": "/oauth/v2/keys",
    "revocation_endpoint": "/oauth/v2/token/revoke",
    "introspection_endpoint": "/oauth/v2/introspect",
    "device_authorization_endpoint": "/oauth/v3/device/code",
    "end_session_endpoint": "/oauth/v2/logout",
    # Not standard: the described system's name for the list of data centers.
    "dc_info": "/oauth/serverinfo",
}


def _split(issuer: str) -> tuple[str, str]:
    # A final slash of a foreign issuer is removed before anything is inserted (RFC 8414 §3.1).
    scheme, _, rest = issuer.removesuffix("/").partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}", slash + path
