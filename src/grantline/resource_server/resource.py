"""An API and its rules: which tokens open it, what a call is told, which pages may call (no I/O here)."""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from grantline.oauth.metadata import check_issuer
from grantline.resource_server.arrival import Arrival, find_token
from grantline.resource_server.asking import Asker, Wire
from grantline.resource_server.introspection import PATH, Introspecting, Introspection, basic
from grantline.resource_server.metadata import check_resource, metadata_paths, metadata_url, render_metadata
from grantline.resource_server.offline import Offline, Verifying
from grantline.resource_server.origins import Origins
from grantline.resource_server.refusals import Refusal, Wording
from grantline.resource_server.steps import Ask, Steps
from grantline.resource_server.token import Token
from grantline.resource_server.usage import REPORT_SECONDS, Usage

LOG = logging.getLogger(__name__)
_METADATA_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Type": "application/json",
        "Cache-Control": "public, max-age=300",
        "Access-Control-Allow-Origin": "*",
        "X-Content-Type-Options": "nosniff",
    }
)


class ProtectedResource:
    """An API, which takes access tokens of one issuer that are meant for it and for nobody else alone.

    `resource`: the API's own address, as `grantline api create --identifier` was told it; tokens must name it
    in their audience (RFC 9700 §4.10.2, T99). `issuer`: the data center's address without a slash at its end.
    `check`: how tokens are judged, with Introspection or Offline; each says what it guarantees.

    `public`: paths that need no token. `organization_header`: a header that may repeat the token's
    organization, and must not name another (T102). `origins`: web origins that may read answers whatever the
    app behind the token registered. `allowed_headers`: what web pages may send besides the usual.
    `vendor_bodies`: refusals in the envelope that the vendor's SDKs read. `scopes`, `name` and
    `documentation` are for the metadata (RFC 9728 §2), `realm` for challenges. `clock` tells epoch seconds,
    `wire` how the authorization server is reached. What cannot be right is a ValueError.
    """

    def __init__(
        self,
        *,
        resource: str,
        issuer: str,
        check: Introspection | Offline,
        public: Collection[str] = (),
        organization_header: str | None = None,
        origins: Collection[str] = (),
        allowed_headers: Collection[str] = (),
        vendor_bodies: bool = False,
        scopes: Sequence[str] = (),
        name: str = "",
        documentation: str = "",
        realm: str = "API",
        clock: Callable[[], float] = time.time,
        wire: Wire | None = None,
        report_seconds: float = REPORT_SECONDS,
    ) -> None:
        check_resource(resource)
        check_issuer(issuer)
        self.resource: Final = resource
        self.issuer: Final = issuer
        self.guarantee: Final = check.guarantee
        self.public: Final = frozenset(public)
        self.organization_header: Final = organization_header.lower() if organization_header else None
        self.vendor_bodies: Final = vendor_bodies
        self.wire: Final = wire or Wire()
        self.wording: Final = Wording(realm, metadata_url(resource))
        self.wording.no_token((), seen_in_address=False)  # a realm that cannot stand in a header shows here
        self.origins: Final = Origins(origins, allowed_headers)
        self.metadata: Final = render_metadata(
            resource, issuer, scopes=scopes, name=name, documentation=documentation
        )
        self.metadata_paths: Final = metadata_paths(resource)
        self.metadata_headers: Final = _METADATA_HEADERS
        self._reporter = _Reporter(self.issuer + PATH, basic(check.client_id, check.client_secret), self.wire)
        self._usage = self._report_usage(check, report_seconds)
        judge = Introspecting if isinstance(check, Introspection) else Verifying
        self._judge: Introspecting | Verifying = judge(
            check,  # type: ignore[arg-type]
            issuer=issuer,
            resource=resource,
            wording=self.wording,
            usage=self._usage,
            clock=clock,
        )

    def _report_usage(self, check: Introspection | Offline, every: float) -> Usage | None:
        """Where calls are judged without asking, and the API can say who it is, it reports them."""
        asks_always = isinstance(check, Introspection) and not check.cache_seconds
        if asks_always or not check.client_id:
            return None
        return Usage(self._reporter.tell, every, first_at_once=isinstance(check, Offline))

    def arrive(
        self,
        *,
        authorization: Sequence[str],
        origin: str | None,
        query: bytes,
        organizations: Sequence[str] = (),
    ) -> "Visit":
        """One call, of which nothing is known yet."""
        return Visit(self, Arrival(authorization, origin, query, organizations))

    def judge(self, arrival: Arrival, needed: Sequence[str]) -> Steps[Token]:
        """The token of a call, if it is good and meant for this API. Raises Refusal."""
        text = find_token(arrival, self.wording, needed, self._judge.longest_token)
        token = yield from self._judge.find(text, needed)
        if self.resource not in token.audience:
            raise self.wording.invalid_token("This access token was issued for another API.")
        if any(named != token.organization for named in arrival.organizations):
            raise self.wording.no_permission(
                "This call names another organization than the one that its access token is for."
            )
        return token

    def close(self) -> None:
        """Report what was used and is not reported yet; waits for some seconds at most."""
        if self._usage is not None:
            self._usage.close()
        self._reporter.close()


class _Reporter:
    """A connection of its own to the introspection endpoint, made where it is used: maybe after a fork."""

    def __init__(self, url: str, authorization: str, wire: Wire) -> None:
        self._url = url
        self._headers = {"Authorization": authorization}
        self._wire = wire
        self._asker: Asker | None = None

    def tell(self, fields: Mapping[str, str]) -> bool:
        if self._asker is None:
            self._asker = Asker(self._wire)
        return self._asker.send(Ask(self._url, urlencode(fields), self._headers)).status == 200

    def close(self) -> None:
        asker, self._asker = self._asker, None
        if asker is not None:
            asker.close()


class Visit:
    """One call on its way through an API: its token once it was checked, and what its answer must carry.

    `ruled` says whether somebody decided about it: a call that nobody ruled on gets nothing (T100).
    """

    __slots__ = ("_resource", "_shared", "arrival", "ruled", "token")

    def __init__(self, resource: ProtectedResource, arrival: Arrival) -> None:
        self._resource = resource
        self._shared: Mapping[str, str] | None = None
        self.arrival = arrival
        self.ruled = False
        self.token: Token | None = None

    def check(self, needed: Sequence[str]) -> Steps[Token]:
        """The token, if it holds every needed scope: claims may be remembered, this is decided each time.

        Raises Refusal.
        """
        self.ruled = True
        resource = self._resource
        token = self.token
        if token is None:
            token = yield from resource.judge(self.arrival, needed)
            self._shared = resource.origins.check(self.arrival.origin, token, resource.wording)
            self.token = token
        if token.missing(needed):
            raise resource.wording.scope_missing(needed)
        return token

    def open(self) -> None:
        """Let the call in without a token."""
        self.ruled = True

    def headers(self) -> Mapping[str, str]:
        """What every answer carries because of the page that asks; `Vary: Origin` comes on top."""
        if self._shared is not None:
            return self._shared
        return self._resource.origins.without_token(self.arrival.origin)

    def refuse(self, refusal: Refusal) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of a refusal, readable for the page if it may know."""
        body = refusal.body(vendor=self._resource.vendor_bodies)
        return refusal.status, {**refusal.headers(), **self.headers(), "Vary": "Origin"}, body

    def preflight(self) -> tuple[int, dict[str, str], bytes]:
        """The answer to a pre-flight, which carries no token and promises nothing but headers."""
        return 204, {**self._resource.origins.preflight(self.arrival.origin), "Vary": "Origin"}, b""

    def check_rule(self, path: str) -> None:
        """Refuse to answer a call that no rule was found for. Raises Refusal."""
        if not self.ruled and path not in self._resource.public:
            LOG.error("%s names no scope that opens it: nobody gets in", path)
            raise self._resource.wording.no_rule()


def check_scopes(needed: Sequence[str]) -> tuple[str, ...]:
    """The scopes that a route names: at least one, and names that can stand in a challenge; else
    ValueError."""
    if not needed:
        raise ValueError("a route names the scopes that open it, or is public")
    for name in needed:
        if not name or not name.isascii() or not name.isprintable() or any(sign in name for sign in ' "\\,'):
            raise ValueError(f"not a scope: {name!r}")
    return tuple(needed)
