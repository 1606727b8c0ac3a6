"""Everything secret that apps get: authorizations (the rows that tokens live and die with), access, refresh
and id tokens.

`mint` holds what is needed to make any of them; `issue` makes them; `revocation` and `introspection` end and
judge them.
How an app comes to an authorization is next door: `grants`, `authorize`, `device`.
"""

from grantline.tokens.access_tokens import AccessToken, mint_access_token, parse_access_token
from grantline.tokens.authorization_codes import (
    AuthorizationCode,
    CodeLimitReached,
    PresentedCode,
    count_wrong_verifier,
    find_presented_code,
    generate_code,
    issue_authorization_code,
    list_console_codes,
    spend_authorization_code,
    yield_of_code,
)
from grantline.tokens.authorizations import (
    Authorization,
    NewAuthorization,
    Standing,
    find_authorization,
    list_refresh_authorizations,
    next_client_sequence,
    revoke_authorization,
    revoke_for_client,
    revoke_sequence,
)
from grantline.tokens.catalog_of import load_catalog
from grantline.tokens.claims import claims_for, organization_claims
from grantline.tokens.device_codes import (
    DEVICE_CODE_SECONDS,
    POLL_SECONDS,
    WRONG_USER_CODES,
    DeviceCode,
    TooManyDeviceCodes,
    claim_device_code,
    count_poll,
    decide_device_code,
    find_by_user_code,
    find_device_code,
    hash_user_code,
    issue_device_code,
    read_user_code,
    release_device_code,
    show_user_code,
    spend_device_code,
)
from grantline.tokens.device_codes_elsewhere import (
    give_back_device_code,
    hand_over_device_code,
    keep_device_code_for,
    take_over_device_code,
)
from grantline.tokens.introspection import LiveToken, find_holder, find_live_token, introspect
from grantline.tokens.issue import (
    Issued,
    Minted,
    Narrowed,
    access_token_for,
    access_token_of,
    id_token_for,
    issue_authorization,
    narrow,
    scope_set_for,
)
from grantline.tokens.jwt_access_tokens import Holder
from grantline.tokens.made_elsewhere import issuer_elsewhere
from grantline.tokens.mint import (
    LIVE_ACCESS_TOKENS,
    LIVE_REFRESH_TOKENS,
    LONGEST_ACCESS_TOKEN_SECONDS,
    REFRESH_SPAN_SECONDS,
    REFRESHES,
    Mint,
)
from grantline.tokens.moved import find_moved, keep_moved
from grantline.tokens.refresh_tokens import (
    RefreshToken,
    mint_refresh_token,
    open_answer,
    parse_refresh_token,
    seal_answer,
)
from grantline.tokens.refreshing import Refreshed, Successor, refreshes_allowed, use_refresh_token
from grantline.tokens.revocation import revoke_token
from grantline.tokens.scope_sets import ScopeSet, ScopeSets
from grantline.tokens.seen_of_client import list_asked_scopes, list_used_redirects
from grantline.tokens.spending import spend_for_refresh_token
from grantline.tokens.standing_of_client import REASON as REVOKED_BY_OWNER
from grantline.tokens.standing_of_client import (
    HeldAuthorization,
    Holders,
    Holding,
    count_holders,
    list_held_authorizations,
    list_holdings,
    revoke_one,
    revoke_some,
)
from grantline.tokens.tracing import Trace, trace_token

__all__ = [
    "DEVICE_CODE_SECONDS",
    "LIVE_ACCESS_TOKENS",
    "LIVE_REFRESH_TOKENS",
    "LONGEST_ACCESS_TOKEN_SECONDS",
    "POLL_SECONDS",
    "REFRESHES",
    "REFRESH_SPAN_SECONDS",
    "REVOKED_BY_OWNER",
    "WRONG_USER_CODES",
    "AccessToken",
    "Authorization",
    "AuthorizationCode",
    "CodeLimitReached",
    "DeviceCode",
    "HeldAuthorization",
    "Holder",
    "Holders",
    "Holding",
    "Issued",
    "LiveToken",
    "Mint",
    "Minted",
    "Narrowed",
    "NewAuthorization",
    "PresentedCode",
    "RefreshToken",
    "Refreshed",
    "ScopeSet",
    "ScopeSets",
    "Standing",
    "Successor",
    "TooManyDeviceCodes",
    "Trace",
    "access_token_for",
    "access_token_of",
    "claim_device_code",
    "claims_for",
    "count_holders",
    "count_poll",
    "count_wrong_verifier",
    "decide_device_code",
    "find_authorization",
    "find_by_user_code",
    "find_device_code",
    "find_holder",
    "find_live_token",
    "find_moved",
    "find_presented_code",
    "generate_code",
    "give_back_device_code",
    "hand_over_device_code",
    "hash_user_code",
    "id_token_for",
    "introspect",
    "issue_authorization",
    "issue_authorization_code",
    "issue_device_code",
    "issuer_elsewhere",
    "keep_device_code_for",
    "keep_moved",
    "list_asked_scopes",
    "list_console_codes",
    "list_held_authorizations",
    "list_holdings",
    "list_refresh_authorizations",
    "list_used_redirects",
    "load_catalog",
    "mint_access_token",
    "mint_refresh_token",
    "narrow",
    "next_client_sequence",
    "open_answer",
    "organization_claims",
    "parse_access_token",
    "parse_refresh_token",
    "read_user_code",
    "refreshes_allowed",
    "release_device_code",
    "revoke_authorization",
    "revoke_for_client",
    "revoke_one",
    "revoke_sequence",
    "revoke_some",
    "revoke_token",
    "scope_set_for",
    "seal_answer",
    "show_user_code",
    "spend_authorization_code",
    "spend_device_code",
    "spend_for_refresh_token",
    "take_over_device_code",
    "trace_token",
    "use_refresh_token",
    "yield_of_code",
]
