"""Names of the wire that several modules must spell alike."""

GRANT_AUTHORIZATION_CODE = "authorization_code"
GRANT_REFRESH_TOKEN = "refresh_token"
GRANT_CLIENT_CREDENTIALS = "client_credentials"
GRANT_DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
GRANT_IMPLICIT = "implicit"
"""Never sent to the token endpoint; metadata lists it (RFC 8414 §2)."""

RESPONSE_CODE = "code"
RESPONSE_TOKEN = "token"
RESPONSE_ID_TOKEN_TOKEN = "id_token token"

ACCESS_TYPES = ("online", "offline")
PROMPTS = ("none", "login", "consent", "select_account")
