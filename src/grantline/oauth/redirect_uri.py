"""Which addresses an app may register for its answers, and which one a request names (RFC 6749 §3.1.2).

Addresses are strings of bytes 0x21-0x7E: never decoded, case-folded or normalised, so that our reading and
a browser's cannot part (T1, T2, T11, T12). What tells two addresses apart for people is in
`redirect_difference`, and comes through here too.
"""

import re
from enum import Enum
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from urllib.parse import unquote

from grantline.oauth.redirect_difference import Difference as Difference
from grantline.oauth.redirect_difference import closest as closest
from grantline.oauth.redirect_difference import difference as difference

MAX_LENGTH = 2000
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "[::1]", "localhost"})
FORBIDDEN_SCHEMES = frozenset(
    {
        "about",
        "blob",
        "data",
        "file",
        "filesystem",
        "intent",
        "javascript",
        "mailto",
        "sms",
        "tel",
        "vbscript",
        "view-source",
        "ws",
        "wss",
    }
)
RESERVED_IN_QUERY = frozenset({"access_token", "code", "error", "iss", "location", "state"})
"""Names that our answers use, so that no registered address may (T13)."""

_NOT_VISIBLE = re.compile(r"[^\x21-\x7e]")
_NEVER_IN_URI = re.compile(r'["<>^`{|}]')
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%(?:[01][0-9A-Fa-f]|7[Ff])")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)")
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9][a-z0-9+-]*)+")
_HIERARCHY = re.compile(r"(?://([^/?]*))?([^?]*)(?:\?(.*))?")
_HOST_PORT = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(.*))?")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|\[::1\]|localhost)(?::([1-9][0-9]{0,4}))?([/?].*)?")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


class RedirectKind(Enum):
    """What a type of client may register."""

    WEB = "web"
    """https anywhere, and http on a loopback host."""
    NATIVE = "native"
    """The same, and private-use schemes in reverse-domain form (RFC 8252 §7)."""


class RedirectUriProblem(ValueError):
    """Why an address cannot be registered: a code, a sentence that says it, and a sentence that helps.

    `text` and `help` are both as translators have them, with `%(name)s` where one of the values stands.
    """

    def __init__(self, code: str, text: str, help: str, **values: object) -> None:
        self.code = code
        self.text = text
        self.help = help
        self.values = values
        self.sentence = text % values if values else text
        self.fix = help % values if values else help
        super().__init__(f"{self.sentence} {self.fix}")


def check_redirect_uri(uri: str, *, kind: RedirectKind) -> None:
    """Check an address before it is registered, and again before anybody is sent there; RedirectUriProblem.

    The one guard for the console, the command line, registration and imports (RFC 9700 §2.1, RFC 8252 §7, T1,
    T2).
    """
    _check_characters(uri)
    parts = _SCHEME.fullmatch(uri)
    if parts is None:
        raise RedirectUriProblem(
            "scheme_missing",
            "This address has no scheme.",
            "Start it with https:// or, on your machine, http://.",
        )
    scheme, rest = parts.groups()
    if scheme.lower() in FORBIDDEN_SCHEMES:
        raise RedirectUriProblem(
            "scheme_forbidden",
            "%(scheme)s: runs code or leaves the browser.",
            "Use https.",
            scheme=scheme.lower(),
        )
    if scheme != scheme.lower():
        raise RedirectUriProblem(
            "scheme_case", "The scheme has capital letters.", "Write it in small letters."
        )
    if scheme in _DEFAULT_PORTS:
        _check_web(scheme, rest)
    else:
        _check_private(scheme, rest, kind)


def check_origin(origin: str) -> None:
    """Check a JavaScript origin as browsers spell it: scheme, host, port and nothing else (R60).

    Raises RedirectUriProblem.
    """
    check_redirect_uri(origin, kind=RedirectKind.WEB)
    scheme, _, authority = origin.partition("://")
    if re.search(r"[/?]", authority):
        raise RedirectUriProblem(
            "origin_path", "An origin ends after the host and port.", "Remove everything from the next / on."
        )
    if authority != authority.lower():
        raise RedirectUriProblem("origin_case", "Browsers send hosts in small letters.", "Write it so.")
    host, port = _split_authority(authority)
    if port == _DEFAULT_PORTS[scheme]:
        raise RedirectUriProblem(
            "origin_port",
            "Browsers leave out port %(port)s of %(scheme)s.",
            "Remove :%(port)s at the end.",
            port=port,
            scheme=scheme,
        )
    if host.startswith("[") and host != f"[{IPv6Address(host[1:-1])}]":
        raise RedirectUriProblem(
            "origin_host",
            "Browsers shorten this address.",
            "Write [%(host)s].",
            host=IPv6Address(host[1:-1]),
        )


def matches(registered: str, received: str, *, any_loopback_port: bool) -> bool:
    """Tell whether a received address is the registered one, byte for byte (RFC 9700 §2.1, T11).

    With `any_loopback_port`, for native apps only, the port is free if both are http on the same loopback
    literal and the rest is equal (RFC 8252 §7.3, T12).
    """
    if registered == received:
        return True
    if not any_loopback_port or len(received) > MAX_LENGTH:
        return False
    ours, theirs = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(received)
    if ours is None or theirs is None:
        return False
    in_range = theirs[2] is None or int(theirs[2]) <= 65535
    return in_range and ours[1] == theirs[1] and ours[3] == theirs[3]


def _check_characters(uri: str) -> None:
    if not uri:
        raise RedirectUriProblem("empty", "The address is empty.", "Enter the full address of your callback.")
    if len(uri) > MAX_LENGTH:
        raise RedirectUriProblem(
            "too_long", "The address is longer than 2,000 characters.", "Use a shorter one."
        )
    if not uri.isascii():
        raise RedirectUriProblem(
            "not_ascii",
            "The address holds letters outside ASCII.",
            "Write an international host in its xn-- form, and percent-encode the rest.",
        )
    if _NOT_VISIBLE.search(uri):
        raise RedirectUriProblem(
            "blank_or_control",
            "The address holds a blank or a control character.",
            "Remove it, or write %20.",
        )
    if "\\" in uri:
        raise RedirectUriProblem("backslash", "The address holds a backslash.", "Use / instead.")
    if "#" in uri:
        raise RedirectUriProblem(
            "fragment",
            "The address has a fragment, the part from # on.",
            "Remove it: answers may come there.",
        )
    if "*" in uri:
        raise RedirectUriProblem(
            "wildcard",
            "The address has a wildcard, and addresses must match exactly.",
            "Register each address.",
        )
    if _NEVER_IN_URI.search(uri):
        raise RedirectUriProblem(
            "character", "The address holds a character that addresses cannot hold.", "Percent-encode it."
        )
    if _BAD_ESCAPE.search(uri):
        raise RedirectUriProblem(
            "escape",
            "A % in the address is not followed by the code of a visible character.",
            "Mend or remove it.",
        )


def _check_web(scheme: str, rest: str) -> None:
    authority, path, query = _split_hierarchy(rest)
    if authority is None:
        raise RedirectUriProblem(
            "host_missing", "The address has no host.", "Write %(scheme)s:// and the host.", scheme=scheme
        )
    if "@" in authority:
        raise RedirectUriProblem(
            "userinfo",
            "The address has a name or password before the host.",
            "Remove everything up to the @.",
        )
    host, port = _split_authority(authority)
    _check_host(host)
    if port is not None and (not _PORT.fullmatch(port) or int(port) > 65535):
        raise RedirectUriProblem(
            "port", "The port is not a number from 1 to 65535.", "Mend it, or leave it out."
        )
    if scheme == "http" and host not in LOOPBACK_HOSTS:
        raise RedirectUriProblem(
            "http_not_loopback",
            "It uses http, which anyone on the way can read.",
            "Use https. On your own machine, http://127.0.0.1, http://[::1] and http://localhost work.",
        )
    _check_path_and_query(path, query)


def _check_private(scheme: str, rest: str, kind: RedirectKind) -> None:
    if kind is not RedirectKind.NATIVE:
        raise RedirectUriProblem(
            "scheme_not_for_type",
            "Apps of this type use https.",
            "For a scheme of its own, register a mobile app.",
        )
    if not _PRIVATE_SCHEME.fullmatch(scheme):
        raise RedirectUriProblem(
            "scheme_without_domain",
            "Any app on the phone could claim this scheme.",
            "Use a domain of yours backwards, such as com.example.app:/callback.",
        )
    authority, path, query = _split_hierarchy(rest)
    if authority is None and not path.startswith("/"):
        raise RedirectUriProblem(
            "path_missing",
            "Nothing that begins with / follows the scheme.",
            "Write %(scheme)s:/callback.",
            scheme=scheme,
        )
    if authority:
        if "@" in authority:
            raise RedirectUriProblem("userinfo", "The address has an @ before the path.", "Remove it.")
        _check_host(authority)
    elif authority == "" and path in ("", "/"):
        raise RedirectUriProblem(
            "path_missing", "The address ends after //.", "Write %(scheme)s:/callback.", scheme=scheme
        )
    _check_path_and_query(path, query)


def _split_hierarchy(rest: str) -> tuple[str | None, str, str | None]:
    parts = _HIERARCHY.fullmatch(rest)
    # The characters are checked, and the pattern takes any string of these.
    assert parts is not None
    return parts[1], parts[2], parts[3]


def _split_authority(authority: str) -> tuple[str, str | None]:
    parts = _HOST_PORT.fullmatch(authority)
    if parts is None:
        raise RedirectUriProblem("host", "The host is not well-formed.", "Check the part after ://.")
    return parts[1], parts[2]


def _check_host(host: str) -> None:
    if not host:
        raise RedirectUriProblem("host_missing", "The address has no host.", "Write it after ://.")
    if host.startswith("["):
        well_formed = _is_ip(host[1:-1], IPv6Address)
    else:
        labels = host.split(".")
        well_formed = len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
        if _NUMBER.fullmatch(labels[-1]):
            # Browsers read such a host as an IPv4 address, in many spellings; only the plain one may pass.
            well_formed = _is_ip(host, IPv4Address)
    if not well_formed:
        raise RedirectUriProblem("host", "The host is not well-formed.", "Check the part after ://.")


def _is_ip(text: str, family: type[IPv4Address] | type[IPv6Address]) -> bool:
    if len(text) > 45 or "%" in text:
        return False
    try:
        family(text)
    except AddressValueError:
        return False
    return True


def _check_path_and_query(path: str, query: str | None) -> None:
    # Some servers cut a segment at its ; before they look, some decode an encoded slash or backslash.
    for segment in re.split(r"[/\\]", unquote(path, "latin-1")):
        if segment.partition(";")[0] in (".", ".."):
            raise RedirectUriProblem(
                "dot_segment", "The path has a part that is . or .. alone.", "Write the path that you mean."
            )
    for pair in re.split("[&;]", query or ""):
        name = unquote(pair.partition("=")[0].replace("+", " "), "latin-1")
        if name.strip() in RESERVED_IN_QUERY:
            raise RedirectUriProblem(
                "reserved_name",
                "The query holds %(name)s, which our answers use.",
                "Give your parameter another name.",
                name=name.strip(),
            )
