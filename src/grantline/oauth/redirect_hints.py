"""What to know of an address before it is registered: hints that are no errors, and how to mend one that is
refused.

An address may be right by every rule and still surprise: another one with a slash more, a name that only
looks like a word, a port that must be sent exactly. Whoever types it reads it here, before an app fails.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from grantline.oauth.redirect_uri import LOOPBACK_HOSTS, RedirectUriProblem

_WEB: Final = re.compile(r"(https?)://([^/?]*)([^?]*)(\?.*)?")
_DEFAULT: Final[Mapping[str, str]] = {"http": ":80", "https": ":443"}
_LONGEST_MENDED: Final = 2000


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing to know: a code, and the sentence as translators have it, with `%(name)s` for its values."""

    code: str
    text: str
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The sentence in English."""
        return self.text % self.values if self.values else self.text


@dataclass(frozen=True, slots=True)
class Review:
    """One line of what was typed: what is wrong with it, what would be right, and what to know."""

    number: int
    address: str
    problem: RedirectUriProblem | None = None
    mended: str = ""
    """An address that passes the same check and is probably meant; empty when there is none."""
    hints: Sequence[Hint] = ()


def review_addresses(
    addresses: Sequence[str], check: Callable[[str], object], *, any_port: bool
) -> Sequence[Review]:
    """Every address in turn. `check` raises RedirectUriProblem; `any_port`: loopback takes every
    port."""
    return [_review(number, addresses, check, any_port) for number in range(len(addresses))]


def _review(number: int, addresses: Sequence[str], check: Callable[[str], object], any_port: bool) -> Review:
    address = addresses[number]
    try:
        check(address)
    except RedirectUriProblem as problem:
        mended = mend(address, check)
        return Review(number + 1, address, problem, mended, _known_line(mended, addresses))
    return Review(number + 1, address, hints=hints_of(address, addresses, any_port=any_port))


def _known_line(mended: str, addresses: Sequence[str]) -> Sequence[Hint]:
    if mended not in addresses:
        return ()
    values: dict[str, object] = {"address": mended, "line": addresses.index(mended) + 1}
    return [Hint("mended_is_there", "%(address)s stands on line %(line)d already: this one can go.", values)]


def mend(address: str, check: Callable[[str], object]) -> str:
    """The address as it is probably meant, if that passes the check; else nothing."""
    text = re.sub(r"\s+", "", address)[:_LONGEST_MENDED]
    text = text.partition("#")[0].replace("\\", "/").replace("*.", "")
    scheme, colon, rest = text.partition(":")
    if not colon or not rest.startswith("/"):
        text = f"https://{text.lstrip('/')}"
        scheme, _, rest = text.partition(":")
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        host = _ascii_host(authority.rpartition("@")[2])
        scheme = scheme.lower()
        if scheme == "http" and host.partition(":")[0] not in LOOPBACK_HOSTS:
            scheme = "https"
        text = f"{scheme}://{host}{slash}{path}"
    try:
        check(text)
    except RedirectUriProblem:
        return ""
    return text if text != address else ""


def _ascii_host(host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def hints_of(address: str, addresses: Sequence[str], *, any_port: bool) -> Sequence[Hint]:
    """What to know of an address that may be registered."""
    parts = _WEB.fullmatch(address)
    if parts is None:
        return [
            Hint(
                "private_scheme",
                "Any app on a device can claim this scheme. PKCE keeps the code useless to it.",
            )
        ]
    scheme, authority, path, query = parts.groups()
    host = (urlsplit(f"//{authority}").hostname or "").lower()
    found: list[Hint] = []
    if f"[{host}]" in LOOPBACK_HOSTS or host in LOOPBACK_HOSTS:
        found += _loopback(address, authority, host, any_port=any_port)
    else:
        found += _host(host)
    if authority.endswith(_DEFAULT[scheme]):
        found.append(
            Hint("default_port", "Your app must send it with %(port)s too.", {"port": _DEFAULT[scheme]})
        )
    if authority != authority.lower():
        found.append(Hint("capitals", "Your app must send the same capital letters in the host."))
    return [*found, *_twin(address, addresses, path, query)]


def _loopback(address: str, authority: str, host: str, *, any_port: bool) -> Sequence[Hint]:
    port = authority.rpartition(":")[2] if re.search(r":[0-9]+$", authority) else ""
    if any_port:
        found = [Hint("loopback_any_port", "This is the device itself (loopback). Any port is allowed.")]
    elif port:
        values = {"port": port}
        found = [
            Hint(
                "loopback_exact_port",
                "This is the same computer (loopback), with exactly port %(port)s.",
                values,
            )
        ]
    else:
        found = [Hint("loopback_no_port", "This is the same computer (loopback), without any port.")]
    if host == "localhost":
        better = address.replace("localhost", "127.0.0.1", 1)
        text = "Some devices send the name localhost elsewhere. %(better)s is the safer spelling."
        found.append(Hint("localhost", text, {"better": better}))
    return found


def _host(host: str) -> Sequence[Hint]:
    if host.replace(".", "").isascii() and (":" in host or re.fullmatch(r"[0-9.]+", host)):
        return [Hint("ip_address", "An IP address can pass to somebody else, and few certificates name one.")]
    if "xn--" not in host:
        return []
    shown = decode_host(host)
    if shown == host:
        return [Hint("punycode", "The host is in its xn-- form, and its letters can't be shown.")]
    text = "People see %(shown)s: make sure that each letter is the one that you mean."
    return [Hint("punycode", text, {"shown": shown})]


def decode_host(host: str) -> str:
    """A host in its own letters; unchanged where they cannot be shown."""
    labels = []
    for label in host.split("."):
        if label.startswith("xn--"):
            try:
                label = label[4:].encode("ascii").decode("punycode")
            except (UnicodeError, OverflowError, ValueError):
                return host
        labels.append(label)
    shown = ".".join(labels)
    return shown if shown.isprintable() else host


def _twin(address: str, addresses: Sequence[str], path: str, query: str | None) -> Sequence[Hint]:
    if query is not None:
        return []
    twin = address[:-1] if path.endswith("/") else f"{address}/"
    if twin in addresses:
        values: dict[str, object] = {"line": addresses.index(twin) + 1}
        return [Hint("twin", "It differs from line %(line)d by the last slash alone.", values)]
    if path in ("", "/") or path.endswith("/"):
        text = "%(twin)s is another address: an app that sends that one is refused."
        return [Hint("no_twin", text, {"twin": twin})]
    return []
