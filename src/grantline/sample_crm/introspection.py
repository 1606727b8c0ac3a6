"""Asking the authorization server what a token is worth (RFC 7662 §2)."""

import logging
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus

import httpx2

from grantline.sample_crm.config import CrmConfig
from grantline.sample_crm.refusals import invalid_token, unavailable

LOG = logging.getLogger(__name__)
PATH = "/oauth/v2/introspect"
ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, as the authorization server says; nothing here ever comes from the request itself.

    `subject` is the person's number, or the client's id when it acts for itself; then `is_person` is false.
    E-mail address and names are there only if the token's scopes let this API know them. `origins`: the web
    origins that a browser app registered; None for every other kind of client.
    """

    client_id: str
    subject: str
    organization: str
    organization_name: str
    scopes: tuple[str, ...]
    email: str | None = None
    name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    origins: tuple[str, ...] | None = None

    @property
    def is_person(self) -> bool:
        return self.subject != self.client_id


class Introspection:
    """The introspection endpoint of one issuer, asked over kept-alive connections, once for every call.

    Nothing is remembered between calls, so a revoked token stops working at once.
    """

    def __init__(
        self,
        config: CrmConfig,
        clock: Callable[[], float],
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._client = httpx2.AsyncClient(
            transport=transport,
            headers={"Accept": "application/json", "Authorization": _basic(config)},
            timeout=ANSWER_SECONDS,
            limits=httpx2.Limits(max_connections=20, max_keepalive_connections=20),
            follow_redirects=False,
            trust_env=False,
        )

    async def find_caller(self, token: str, needed: Sequence[str] = ()) -> Caller:
        """Return the caller of a token that is active and meant for this API; Refusal otherwise.

        `needed`: the scopes that the call takes. Saying them lets the app's owner see which it uses.
        """
        try:
            return self._read(await self._ask(token, needed))
        except _Unusable as problem:
            LOG.warning("introspection at %s: %s", self._config.issuer, problem)
            raise unavailable(problem.retry_after) from None

    async def close(self) -> None:
        """Close the connections to the authorization server."""
        await self._client.aclose()

    async def _ask(self, token: str, needed: Sequence[str]) -> dict[str, object]:
        fields = {"token": token, "token_type_hint": "access_token"}
        if needed:
            fields["needed_scope"] = " ".join(needed)
        try:
            answer = await self._client.post(self._config.issuer + PATH, data=fields)
        except (httpx2.HTTPError, httpx2.StreamError) as problem:
            raise _Unusable(type(problem).__name__) from None
        if answer.status_code != 200:
            # 401 here is about this API's own credentials, so it is our trouble and not the caller's.
            raise _Unusable(f"answered {answer.status_code}", _retry_after(answer))
        try:
            members = answer.json()
        except (ValueError, RecursionError):
            raise _Unusable("answered something that is not JSON") from None
        if not isinstance(members, dict) or not isinstance(members.get("active"), bool):
            raise _Unusable("answered without `active`")
        return members

    def _read(self, members: dict[str, object]) -> Caller:
        if not members["active"]:
            raise invalid_token()
        self._check_meant_for_us(members)
        client_id = _text(members, "client_id")
        subject = _text(members, "sub") or client_id
        organization = _text(members, "organization")
        if client_id is None or subject is None or organization is None:
            raise _Unusable("answered without client_id or organization")
        return Caller(
            client_id=client_id,
            subject=subject,
            organization=organization,
            organization_name=_text(members, "organization_name") or organization,
            scopes=tuple((_text(members, "scope") or "").split()),
            email=_text(members, "email"),
            name=_text(members, "name"),
            given_name=_text(members, "given_name"),
            family_name=_text(members, "family_name"),
            origins=_origins(members),
        )

    def _check_meant_for_us(self, members: dict[str, object]) -> None:
        audience = members.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if self._config.identifier not in named:
            raise invalid_token("This access token was issued for another API.")
        if members.get("iss", self._config.issuer) != self._config.issuer:
            raise invalid_token("This access token was issued by another data center.")
        if str(members.get("token_type", "")).lower() != "bearer":
            raise invalid_token("This is not an access token.")
        expires_at = members.get("exp")
        if not isinstance(expires_at, int) or expires_at <= self._clock():
            raise invalid_token()


class _Unusable(Exception):
    """The authorization server gave no answer that a decision could rest on."""

    def __init__(self, problem: str, retry_after: int = 5) -> None:
        super().__init__(problem)
        self.retry_after = retry_after


def _basic(config: CrmConfig) -> str:
    """The client id and secret as HTTP Basic, form-encoded first (RFC 6749 §2.3.1)."""
    pair = f"{quote_plus(config.client_id)}:{quote_plus(config.client_secret)}"
    return "Basic " + b64encode(pair.encode()).decode()


def _retry_after(answer: httpx2.Response) -> int:
    told = answer.headers.get("retry-after", "")
    return min(int(told), 600) if told.isascii() and told.isdigit() and len(told) <= 6 else 5


def _text(members: dict[str, object], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) and value else None


def _origins(members: dict[str, object]) -> tuple[str, ...] | None:
    listed = members.get("origins")
    if listed is None:
        return None
    if not isinstance(listed, list):
        raise _Unusable("answered origins that are no list")
    return tuple(origin for origin in listed if isinstance(origin, str))
