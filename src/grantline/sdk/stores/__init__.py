"""Where grants are kept. A store has four methods and a lock; any object that has them is one.

`FileStore` is what most programs want: a folder of the person who runs it. `SqliteStore` is one file, for all
systems. `SqlAlchemyStore` and `RedisStore`, and their twins for tasks, serve many machines;
`DjangoCacheStore` is for apps that have a cache. All seal what they keep. `MemoryStore` forgets at the end of
the process. `conformance` holds any store to what is asked of it.
"""

from grantline.sdk.stores.django import DjangoCacheStore, ForgetfulCacheWarning
from grantline.sdk.stores.file import FileStore
from grantline.sdk.stores.memory import MemoryStore
from grantline.sdk.stores.protocol import AsyncStore, Store
from grantline.sdk.stores.redis import AsyncRedisStore, RedisStore
from grantline.sdk.stores.sealing import PlainTextWarning, reseal
from grantline.sdk.stores.sqlalchemy import AsyncSqlAlchemyStore, SqlAlchemyStore
from grantline.sdk.stores.sqlite import SqliteStore

__all__ = [
    "AsyncRedisStore",
    "AsyncSqlAlchemyStore",
    "AsyncStore",
    "DjangoCacheStore",
    "FileStore",
    "ForgetfulCacheWarning",
    "MemoryStore",
    "PlainTextWarning",
    "RedisStore",
    "SqlAlchemyStore",
    "SqliteStore",
    "Store",
    "reseal",
]
