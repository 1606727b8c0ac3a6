"""An app as its code names it: the client, its server, its store, and how requests go out.

The values come from the call, from a JSON file of the console, or from the environment (GRANTLINE_ISSUER,
GRANTLINE_CLIENT_ID, GRANTLINE_CLIENT_SECRET, GRANTLINE_REDIRECT_URI, GRANTLINE_SCOPE), in this order.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypedDict, TypeVar
from urllib.parse import urlsplit

from grantline.sdk.asking import App
from grantline.sdk.centers import Known
from grantline.sdk.clock import ServerClock
from grantline.sdk.driving import AsyncHttpWire, AsyncWire, HttpWire, InThreads, Wire, arun, run
from grantline.sdk.effects import Flow
from grantline.sdk.errors import ClientRejected
from grantline.sdk.events import Events, Hook
from grantline.sdk.frames import frameless
from grantline.sdk.identity import Keys
from grantline.sdk.metadata import check_address
from grantline.sdk.record import Key, Secret
from grantline.sdk.renewing import Grant
from grantline.sdk.session import Session
from grantline.sdk.stores.file import FileStore
from grantline.sdk.stores.protocol import AsyncStore, Store
from grantline.sdk.vendor import issuer_of
from grantline.sdk.windows import Windows

T = TypeVar("T")
MOST_BYTES: Final = 64 * 1024
_PREFIX: Final = "GRANTLINE_"


@dataclass(slots=True)
class Setup:
    """Everything that the grants of one app share."""

    app: App
    store: Store
    scope: tuple[str, ...] = ()
    wire: Wire = field(default_factory=HttpWire)
    async_wire: AsyncWire = field(default_factory=AsyncHttpWire)
    async_store: AsyncStore | None = None
    clock: ServerClock = field(default_factory=ServerClock)
    windows: Windows = field(default_factory=Windows)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    """The app's secrets, by issuer, where it has one for each: then none gets another's (T110). Without any,
    the app's one secret is for all that its home lists."""
    api_domain: str = ""
    """Where the APIs of the app's own server are, if the app is to say so."""
    on_event: Hook | None = None
    per_organization: bool = False
    """One grant for each organization of a person, in the place of one for each person."""
    known: Known = field(init=False)
    keys: Keys = field(init=False)
    _clocks: dict[str, ServerClock] = field(init=False)

    def __post_init__(self) -> None:
        """Begin to remember."""
        self.known = Known(self.app.issuer, self.clock.local)
        self.keys = Keys(self.clock.local)
        self._clocks = {self.app.issuer: self.clock}

    def clock_of(self, issuer: str) -> ServerClock:
        """The clock of a server."""
        return self._clocks.setdefault(issuer, ServerClock(self.clock.local))

    def app_at(self, issuer: str) -> App:
        """The app as that server knows it."""
        shared = not self.secrets or issuer == self.app.issuer
        secret = self.secrets.get(issuer, self.app.client_secret if shared else None)
        return replace(self.app, issuer=issuer, client_secret=secret)

    def key(self, issuer: str = "", *, subject: str = "", organization: str = "", name: str = "") -> Key:
        """The key of one grant of the app."""
        organization = organization if self.per_organization else ""
        return Key(issuer or self.app.issuer, self.app.client_id, subject, organization, name)

    def grant(self, key: Key, *, own: bool = False) -> Grant:
        """The grant under this key, at the server that the key names."""
        return Grant(
            self.app_at(key.issuer),
            key,
            self.clock_of(key.issuer),
            self.windows,
            self.known.remembered(key.issuer),
            own=own,
            own_scope=self.scope if own else (),
            api_domain=self.api_domain if key.issuer == self.app.issuer else "",
            events=Events(self.on_event),
        )

    def session(self, grant: Grant) -> Session:
        """The grant in use."""
        return Session(
            grant, self.store, wire=self.wire, async_wire=self.async_wire, async_store=self.async_store
        )

    def run(self, flow: Flow[T]) -> T:
        """The flow's end, in this thread."""
        return run(flow, self.store, self.wire)

    async def arun(self, flow: Flow[T]) -> T:
        """The flow's end, in this task."""
        return await arun(flow, self.async_store or InThreads(self.store), self.async_wire)


class Options(TypedDict, total=False):
    """What `set_up` takes beside its source."""

    issuer: str
    data_center: str
    client_id: str
    client_secret: str | Secret
    redirect_uri: str
    scope: Sequence[str] | str
    store: Store | None
    async_store: AsyncStore | None
    wire: Wire
    async_wire: AsyncWire
    clock: ServerClock
    windows: Windows
    secrets: Mapping[str, Secret]
    basic: bool
    api_domain: str
    on_event: Hook | None
    per_organization: bool


Source = str | os.PathLike[str] | Mapping[str, Any] | None
"""A JSON file of the console, by its path, or its members."""


@frameless
def set_up(
    source: Source = None,
    *,
    issuer: str = "",
    data_center: str = "",
    client_id: str = "",
    client_secret: str | Secret = "",
    redirect_uri: str = "",
    scope: Sequence[str] | str = (),
    store: Store | None = None,
    **options: Any,
) -> Setup:
    """The app. `source` is a JSON file of the console, or its members; `data_center` names one of the
    vendor's, as `eu`; `options` are the other members of Setup, and `basic` of App. Raises ClientRejected
    when something is missing, with what to do."""
    members = read_members(source)
    if data_center:
        try:
            issuer = issuer_of(data_center)
        except ValueError as problem:
            raise ClientRejected(str(problem), fix="Or give issuer=…, as the server calls itself.") from None
    secret = client_secret or members.get("client_secret") or _environment("CLIENT_SECRET")
    app = App(
        _needed("issuer", issuer or issuer_in(members) or _environment("ISSUER")),
        _needed("client_id", client_id or members.get("client_id") or _environment("CLIENT_ID")),
        secret if isinstance(secret, Secret) else Secret(secret) if secret else None,
        redirect_uri or members.get("redirect_uri") or _environment("REDIRECT_URI"),
        basic=options.pop("basic", False),
    )
    try:
        check_address(app.issuer, "issuer")
    except ValueError as problem:
        raise ClientRejected(str(problem), fix="Use the issuer to the letter, as it calls itself.") from None
    asked = scope or members.get("scope") or _environment("SCOPE")
    return Setup(app, store if store is not None else FileStore(), scopes(asked), **options)


def read_members(source: Source) -> Mapping[str, Any]:
    """The members of a JSON file of the console. Raises ClientRejected."""
    if source is None:
        return {}
    if isinstance(source, Mapping):
        return source
    path = Path(source)
    try:
        with path.open("rb") as file:
            members = json.loads(file.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        raise ClientRejected(
            f"{path} can't be read as a JSON file of the console.",
            fix="Download it again from the app's page in the console, and give its path.",
        ) from None
    return members


def issuer_in(members: Mapping[str, Any]) -> str:
    """The issuer that a file names, or the one its token endpoint is at."""
    if members.get("issuer"):
        return str(members["issuer"])
    parts = urlsplit(str(members.get("token_endpoint", "")))
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def scopes(said: Sequence[str] | str) -> tuple[str, ...]:
    """Scopes as a tuple: of a sequence, or of text with blanks or commas."""
    return tuple(said.replace(",", " ").split()) if isinstance(said, str) else tuple(said)


def _environment(name: str) -> str:
    return os.environ.get(_PREFIX + name, "").strip()


def _needed(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ClientRejected(
            f"The app has no {name}.",
            fix=f"Give {name}=…, a JSON file of the console, or set {_PREFIX}{name.upper()}.",
        )
    return value
