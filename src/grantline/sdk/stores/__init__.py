"""Where grants are kept. A store has four methods and a lock; any object that has them is one.

`MemoryStore` forgets at the end of the process.
"""

from grantline.sdk.stores.memory import MemoryStore
from grantline.sdk.stores.protocol import AsyncStore, Store

__all__ = ["AsyncStore", "MemoryStore", "Store"]
