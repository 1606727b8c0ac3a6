"""What a request means once its parameters are read: one frozen value per kind (RFC 6749 §4, RFC 8628 §3.1).

Only the text is judged here. Whether the client exists, may do this, and registered the redirect URI is for
others.
"""

import json
import re
from dataclasses import asdict, dataclass
from typing import ClassVar, Final

from grantline.oauth.errors import (
    InvalidRequest,
    InvalidTarget,
    NotRedirectable,
    RequestNotSupported,
    RequestUriNotSupported,
    UnsupportedGrantType,
    UnsupportedResponseType,
)
from grantline.oauth.names import (
    ACCESS_TYPES,
    GRANT_AUTHORIZATION_CODE,
    GRANT_CLIENT_CREDENTIALS,
    GRANT_DEVICE_CODE,
    GRANT_REFRESH_TOKEN,
    PROMPTS,
    RESPONSE_CODE,
    RESPONSE_ID_TOKEN_TOKEN,
    RESPONSE_TOKEN,
)
from grantline.oauth.parameters import Parameters, parse_digits
from grantline.oauth.pkce import check_code_challenge
from grantline.oauth.scope import parse_scope

_MAX_RESOURCES = 10
_ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x22\x24-\x7e]+")
_RESPONSE_TYPES: Final = {
    frozenset(name.split()): name for name in (RESPONSE_CODE, RESPONSE_TOKEN, RESPONSE_ID_TOKEN_TOKEN)
}


@dataclass(frozen=True, slots=True)
class AuthorizationCodeRequest:
    """An authorization code to be exchanged (RFC 6749 §4.1.3)."""

    grant_type: ClassVar[str] = GRANT_AUTHORIZATION_CODE
    code: str
    redirect_uri: str | None
    code_verifier: str | None
    resource: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefreshRequest:
    """A refresh token to be used (RFC 6749 §6). `scope` is as sent; None means all of it."""

    grant_type: ClassVar[str] = GRANT_REFRESH_TOKEN
    refresh_token: str
    scope: str | None
    resource: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClientCredentialsRequest:
    """A client that asks on its own behalf (RFC 6749 §4.4.2).

    `soid` names an organization in the vendor's way: a service, a dot and a number.
    """

    grant_type: ClassVar[str] = GRANT_CLIENT_CREDENTIALS
    scope: str | None
    resource: tuple[str, ...] = ()
    soid: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceCodeRequest:
    """A device's poll (RFC 8628 §3.4)."""

    grant_type: ClassVar[str] = GRANT_DEVICE_CODE
    device_code: str
    code_verifier: str | None = None
    resource: tuple[str, ...] = ()


TokenRequest = AuthorizationCodeRequest | RefreshRequest | ClientCredentialsRequest | DeviceCodeRequest


def parse_token_request(parameters: Parameters) -> TokenRequest:
    """Read a request to the token endpoint; InvalidRequest, InvalidTarget or UnsupportedGrantType."""
    grant_type = parameters.get("grant_type")
    get = parameters.get
    if grant_type == GRANT_REFRESH_TOKEN:
        return RefreshRequest(_need(parameters, "refresh_token"), get("scope"), _resources(parameters))
    if grant_type == GRANT_AUTHORIZATION_CODE:
        return AuthorizationCodeRequest(
            _need(parameters, "code"), get("redirect_uri"), get("code_verifier"), _resources(parameters)
        )
    if grant_type == GRANT_CLIENT_CREDENTIALS:
        return ClientCredentialsRequest(get("scope"), _resources(parameters), get("soid"))
    if grant_type == GRANT_DEVICE_CODE:
        return DeviceCodeRequest(
            _need(parameters, "device_code"), get("code_verifier"), _resources(parameters)
        )
    if grant_type is None:
        raise InvalidRequest("grant_type_missing")
    raise UnsupportedGrantType("grant_type_unknown", received=grant_type)


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What the browser brought to the authorization endpoint (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1).

    `response_type` is one of `code`, `token`, `id_token token`, whatever the order was. `scope` is as sent
    and well-formed; None if absent. `max_age` is in seconds. A `code_challenge` is always one of S256.
    """

    client_id: str
    response_type: str
    redirect_uri: str | None
    scope: str | None
    state: str | None
    nonce: str | None
    code_challenge: str | None
    access_type: str | None
    prompt: frozenset[str]
    max_age: int | None
    login_hint: str | None
    response_mode: str
    resource: tuple[str, ...]
    id_token_hint: str | None

    @property
    def in_fragment(self) -> bool:
        """Whether the answer travels in the fragment (RFC 6749 §4.2.2)."""
        return self.response_mode == "fragment"

    def to_json(self) -> str:
        """Render for the row of a pending request."""
        return json.dumps({**asdict(self), "prompt": sorted(self.prompt)}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "AuthorizationRequest":
        """Read back what `to_json` wrote."""
        members = json.loads(text)
        members["prompt"] = frozenset(members["prompt"])
        members["resource"] = tuple(members["resource"])
        return cls(**members)


def parse_authorization_request(parameters: Parameters) -> AuthorizationRequest:
    """Read an authorization request whose client and redirect URI are already proven (step 5 of T10).

    The errors may be redirected, into the query unless `answers_in_fragment` says otherwise; only a missing
    client_id, which the caller should have noticed, is NotRedirectable.
    """
    client_id = parameters.get("client_id")
    if client_id is None:
        raise NotRedirectable("client_id_missing")
    if "request" in parameters:
        raise RequestNotSupported("request_not_supported")
    if "request_uri" in parameters:
        raise RequestUriNotSupported("request_uri_not_supported")
    response_type = _response_type(parameters)
    scope = parameters.get("scope")
    if scope is not None:
        parse_scope(scope)
    nonce = parameters.get("nonce")
    if nonce is None and response_type == RESPONSE_ID_TOKEN_TOKEN:
        raise InvalidRequest("nonce_required")
    return AuthorizationRequest(
        client_id=client_id,
        response_type=response_type,
        redirect_uri=parameters.get("redirect_uri"),
        scope=scope,
        state=parameters.get("state"),
        nonce=nonce,
        code_challenge=_code_challenge(parameters),
        access_type=_access_type(parameters),
        prompt=_prompt(parameters),
        max_age=_max_age(parameters),
        login_hint=parameters.get("login_hint"),
        response_mode=_response_mode(parameters, response_type),
        resource=_resources(parameters),
        id_token_hint=parameters.get("id_token_hint"),
    )


def answers_in_fragment(parameters: Parameters) -> bool:
    """Tell whether even an error of this request goes into the fragment (RFC 6749 §4.2.2.1).

    It follows the response type alone: a response_mode that was asked for is never used for an error (T15).
    """
    values = parameters.get("response_type", "").split(" ")
    return "token" in values or "id_token" in values


@dataclass(frozen=True, slots=True)
class DeviceAuthorizationRequest:
    """A device's wish for a code to show (RFC 8628 §3.1).

    `client_id` is None if only a header names the client.
    """

    client_id: str | None
    scope: str | None
    access_type: str | None
    code_challenge: str | None
    prompt: frozenset[str]
    resource: tuple[str, ...] = ()


def parse_device_authorization_request(parameters: Parameters) -> DeviceAuthorizationRequest:
    """Read a request to the device authorization endpoint; InvalidRequest, InvalidScope or InvalidTarget."""
    scope = parameters.get("scope")
    if scope is not None:
        parse_scope(scope)
    return DeviceAuthorizationRequest(
        client_id=parameters.get("client_id"),
        scope=scope,
        access_type=_access_type(parameters),
        code_challenge=_code_challenge(parameters),
        prompt=_prompt(parameters),
        resource=_resources(parameters),
    )


@dataclass(frozen=True, slots=True)
class RevocationRequest:
    """A token to be ended (RFC 7009 §2.1)."""

    token: str
    token_type_hint: str | None


@dataclass(frozen=True, slots=True)
class IntrospectionRequest:
    """A token to be told about (RFC 7662 §2.1)."""

    token: str
    token_type_hint: str | None


def parse_revocation_request(parameters: Parameters) -> RevocationRequest:
    """Read a revocation request; InvalidRequest if there is no token (RFC 7009 §2.1)."""
    return RevocationRequest(_token(parameters), parameters.get("token_type_hint"))


def parse_introspection_request(parameters: Parameters) -> IntrospectionRequest:
    """Read an introspection request; InvalidRequest if there is no token (RFC 7662 §2.1)."""
    return IntrospectionRequest(_token(parameters), parameters.get("token_type_hint"))


def _need(parameters: Parameters, name: str) -> str:
    value = parameters.get(name)
    if value is None:
        raise InvalidRequest("parameter_missing", hint=name, members={"parameter": name})
    return value


def _token(parameters: Parameters) -> str:
    token = parameters.get("token")
    if token is None:
        raise InvalidRequest("token_missing")
    return token


def _resources(parameters: Parameters) -> tuple[str, ...]:
    resources = parameters.all("resource")
    if resources and (
        len(resources) > _MAX_RESOURCES or not all(_ABSOLUTE_URI.fullmatch(one) for one in resources)
    ):
        raise InvalidTarget("resource_malformed")
    return tuple(dict.fromkeys(resources)) if resources else ()


def _response_type(parameters: Parameters) -> str:
    text = parameters.get("response_type")
    if text is None:
        raise InvalidRequest("response_type_missing")
    values = text.split(" ")
    response_type = _RESPONSE_TYPES.get(frozenset(values))
    if response_type is None or len(values) != len(set(values)):
        raise UnsupportedResponseType("response_type_unknown", received=text)
    return response_type


def _response_mode(parameters: Parameters, response_type: str) -> str:
    only = "query" if response_type == RESPONSE_CODE else "fragment"
    if parameters.get("response_mode", only) != only:
        raise InvalidRequest("response_mode_not_allowed")
    return only


def _code_challenge(parameters: Parameters) -> str | None:
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    if challenge is None:
        if method is not None:
            # A method alone is what remains when somebody takes the challenge out (RFC 9700 §4.8.2).
            raise InvalidRequest("code_challenge_malformed")
        return None
    return check_code_challenge(challenge, method)


def _access_type(parameters: Parameters) -> str | None:
    access_type = parameters.get("access_type")
    if access_type is not None and access_type not in ACCESS_TYPES:
        raise InvalidRequest("access_type_malformed")
    return access_type


def _prompt(parameters: Parameters) -> frozenset[str]:
    prompt = frozenset(parameters.get("prompt", "").split())
    if not prompt.issubset(PROMPTS):
        raise InvalidRequest("prompt_malformed")
    if "none" in prompt and len(prompt) > 1:
        raise InvalidRequest("prompt_none_with_others")
    return prompt


def _max_age(parameters: Parameters) -> int | None:
    text = parameters.get("max_age")
    if text is None:
        return None
    seconds = parse_digits(text)
    if seconds is None:
        raise InvalidRequest("max_age_malformed")
    return seconds
