"""The client library: tokens made, renewed ahead of time, kept, and shared between threads, tasks, processes
and machines.

The rules stand once, in flows without I/O (`asking`, `renewing`, `metadata`), which two drivers carry out
(`driving`). `session.py` is the noun that apps hold; `stores/` is where grants are kept; `errors.py` is what
can go wrong. It knows nothing of the server's own code but the specifications.
"""

from grantline.sdk.asking import App
from grantline.sdk.clock import ServerClock
from grantline.sdk.desktop import Desktop
from grantline.sdk.device import Device
from grantline.sdk.driving import AsyncHttpWire, HttpWire
from grantline.sdk.errors import (
    AddressRefused,
    CallbackRefused,
    ClientRejected,
    GrantlineError,
    GrantTokenUnusable,
    ReconnectRequired,
    ScopeMissing,
    StoreRefused,
    Throttled,
    Unreachable,
    WrongDataCenter,
)
from grantline.sdk.events import Event
from grantline.sdk.grants import Grantline
from grantline.sdk.identity import Identity
from grantline.sdk.record import AccessToken, Key, Record, Secret
from grantline.sdk.renewing import Grant
from grantline.sdk.session import Session, Status
from grantline.sdk.setup import Setup, set_up
from grantline.sdk.stores import (
    AsyncRedisStore,
    AsyncSqlAlchemyStore,
    AsyncStore,
    DjangoCacheStore,
    FileStore,
    ForgetfulCacheWarning,
    MemoryStore,
    PlainTextWarning,
    RedisStore,
    SqlAlchemyStore,
    SqliteStore,
    Store,
)
from grantline.sdk.webapp import Finished, Started, WebApp

__all__ = [
    "AccessToken",
    "AddressRefused",
    "App",
    "AsyncHttpWire",
    "AsyncRedisStore",
    "AsyncSqlAlchemyStore",
    "AsyncStore",
    "CallbackRefused",
    "ClientRejected",
    "Desktop",
    "Device",
    "DjangoCacheStore",
    "Event",
    "FileStore",
    "Finished",
    "ForgetfulCacheWarning",
    "Grant",
    "GrantTokenUnusable",
    "Grantline",
    "GrantlineError",
    "HttpWire",
    "Identity",
    "Key",
    "MemoryStore",
    "PlainTextWarning",
    "ReconnectRequired",
    "Record",
    "RedisStore",
    "ScopeMissing",
    "Secret",
    "ServerClock",
    "Session",
    "Setup",
    "SqlAlchemyStore",
    "SqliteStore",
    "Started",
    "Status",
    "Store",
    "StoreRefused",
    "Throttled",
    "Unreachable",
    "WebApp",
    "WrongDataCenter",
    "set_up",
]
