"""An attempt to sign in: what the app must still know when the answer comes, and how a browser keeps it.

Each attempt has a cookie of its own, sealed with a key that the app alone has and named for its `state`. So
attempts in several tabs do not disturb each other, an answer is taken in the browser alone that began, and
the app needs no sessions of its own.
"""

import hashlib
import json
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from grantline.sdk.asking import App
from grantline.sdk.errors import ClientRejected
from grantline.sdk.metadata import Server
from grantline.sdk.record import Secret

LIFE_SECONDS: Final = 600
MOST_AT_ONCE: Final = 5
PREFIX: Final = "gl_state_"
LONGEST_PATH: Final = 1024
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
"""What frameworks let pass as a name: somebody may have planted another one, to fail each sign-in."""
_NONCE_BYTES: Final = 12
_LONGEST_VALUE: Final = 3800
"""Browsers drop a cookie that has more than 4096 bytes with its name and attributes."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. `issuer` is the server that the browser was sent to; `verifier` is the secret of PKCE."""

    issuer: str
    client_id: str
    redirect_uri: str
    state: str
    nonce: str
    verifier: Secret
    scope: tuple[str, ...]
    return_to: str
    expires_at: int


def new_attempt(app: App, scope: tuple[str, ...], now: float, *, return_to: str = "/") -> Attempt:
    """An attempt that begins now. Raises ClientRejected when the app has no redirect URI."""
    if not app.redirect_uri:
        raise ClientRejected(
            "The app has no redirect_uri.", fix="Give redirect_uri=…, as it is registered in the console."
        )
    return Attempt(
        app.issuer,
        app.client_id,
        app.redirect_uri,
        secrets.token_urlsafe(32),
        secrets.token_urlsafe(32) if "openid" in scope else "",
        Secret(secrets.token_urlsafe(48)),
        scope,
        local_path(return_to),
        int(now) + LIFE_SECONDS,
    )


def authorization_url(server: Server, attempt: Attempt, more: Mapping[str, str]) -> str:
    """Where the browser goes (RFC 6749 §4.1.1, RFC 7636 §4.3). `more` are parameters beside the usual ones;
    empty ones are left out. Raises ClientRejected where the server has no such endpoint."""
    if not server.authorization_endpoint:
        raise ClientRejected(f"{server.issuer} has no authorization endpoint.", fix="Check the issuer.")
    from grantline.oauth.pkce import s256

    parameters = {
        "client_id": attempt.client_id,
        "response_type": "code",
        "redirect_uri": attempt.redirect_uri,
        "scope": " ".join(attempt.scope),
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": s256(attempt.verifier.reveal()),
        "code_challenge_method": "S256",
        **more,
    }
    query = urlencode({name: value for name, value in parameters.items() if value})
    joint = "&" if urlsplit(server.authorization_endpoint).query else "?"
    return f"{server.authorization_endpoint}{joint}{query}"


def local_path(path: str) -> str:
    """The path, if it stays at the app's own origin in every browser; `/` otherwise, so that no link to the
    app can lead elsewhere."""
    local = path.startswith("/") and not path.startswith(("//", "/\\"))
    clean = path.isprintable() and path.isascii() and "\\" not in path and " " not in path
    return path if local and clean and len(path) <= LONGEST_PATH else "/"


class Cookies:
    """Seals attempts into cookies, and opens them (AES-256-GCM, the cookie's name authenticated with it)."""

    def __init__(self, app: App, key: Secret | None = None) -> None:
        material = key or app.client_secret
        if material is None:
            raise ClientRejected(
                "The app has no secret that its cookies could be sealed with.",
                fix="Give cookie_key=…, 32 random characters or more, the same in every process.",
            )
        if key is not None and len(key.reveal()) < 32:
            raise ClientRejected(
                "The cookie_key is too short.", fix="Give 32 random characters or more, the same everywhere."
            )
        digest = hashlib.blake2b(
            f"{app.issuer}\n{app.client_id}".encode(),
            key=hashlib.sha512(material.reveal().encode()).digest(),
            digest_size=32,
            person=b"gl attempt 1",
        )
        self._key = Secret(digest.hexdigest())
        self.secure = app.redirect_uri.startswith("https://")
        self._prefix = ("__Host-" if self.secure else "") + PREFIX

    def __repr__(self) -> str:
        return f"Cookies({self._prefix!r})"

    def _aes_key(self) -> bytes:
        return bytes.fromhex(self._key.reveal())

    def name(self, state: str) -> str:
        """The name of the cookie for a `state`."""
        return self._prefix + hashlib.sha256(state.encode()).hexdigest()[:32]

    def seal(self, attempt: Attempt) -> str:
        """The cookie's value."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        members = {**_members(attempt), "verifier": attempt.verifier.reveal()}
        content = json.dumps(members, separators=(",", ":")).encode()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._aes_key()).encrypt(nonce, content, self.name(attempt.state).encode())
        value = urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()
        if len(value) > _LONGEST_VALUE:
            raise ClientRejected(
                "The scopes and the path to return to are too long for a cookie.",
                fix="Ask for fewer scopes at once, or use wider ones.",
            )
        return value

    def open(self, name: str, value: str) -> Attempt | None:
        """The attempt that was sealed under this name; None for anything else."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(value) > _LONGEST_VALUE or not value.isascii():
            return None
        try:
            data = urlsafe_b64decode(value + "=" * (-len(value) % 4))
            content = AESGCM(self._aes_key()).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):
            return None
        try:
            members = json.loads(content)
            members["verifier"], members["scope"] = Secret(members["verifier"]), tuple(members["scope"])
            return Attempt(**members)
        except (ValueError, KeyError, TypeError):
            return None  # of another version of this library

    def of(self, state: str, cookies: Mapping[str, str]) -> Attempt | None:
        """The attempt of this `state`, if this browser has its cookie."""
        name = self.name(state)
        return self.open(name, cookies[name]) if name in cookies else None

    def surplus(self, cookies: Mapping[str, str], now: float) -> tuple[str, ...]:
        """The names of those that go when one more attempt begins: what is over or not ours, and the oldest
        beyond a few."""
        found: list[tuple[int, str]] = []
        for name, value in cookies.items():
            if name.startswith(self._prefix) and _NAME.fullmatch(name):
                attempt = self.open(name, value)
                live = attempt is not None and attempt.expires_at > now
                found.append((attempt.expires_at if attempt is not None and live else 0, name))
        found.sort(reverse=True)
        return tuple(name for n, (end, name) in enumerate(found) if n >= MOST_AT_ONCE - 1 or not end)


def _members(attempt: Attempt) -> dict[str, object]:
    """The members, as JSON types, without the verifier."""
    return {
        "issuer": attempt.issuer,
        "client_id": attempt.client_id,
        "redirect_uri": attempt.redirect_uri,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "scope": attempt.scope,
        "return_to": attempt.return_to,
        "expires_at": attempt.expires_at,
    }
