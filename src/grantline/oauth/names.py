"""Names of the wire that several modules must spell alike."""

GRANT_AUTHORIZATION_CODE = "authorization_code"
GRANT_REFRESH_TOKEN = "refresh_token"  # noqa: S105
GRANT_CLIENT_CREDENTIALS = "client_credentials"
GRANT_DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
GRANT_IMPLICIT = "implicit"
"""Never sent to the token endpoint; metadata lists it (RFC 8414 §2)."""

RESPONSE_CODE = "code"
RESPONSE_TOKEN = "token"  # noqa: S105
RESPONSE_ID_TOKEN_TOKEN = "id_token token"  # noqa: S105

ACCESS_TYPES = ("online", "offline")
PROMPTS = ("none", "login", "consent", "select_account")

JWT_TYPE = "JWT"
ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105
