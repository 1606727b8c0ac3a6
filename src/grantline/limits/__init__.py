"""Limits: how often something may happen. In memory for what only slows guessing, in the database for what
must survive a restart.

Every limit reserves before the work is done, so parallel requests can't slip past it (T151).
"""

from grantline.limits.limiter import Limit, Limiter
from grantline.limits.stored import (
    StoredLimit,
    forgive,
    give_back,
    give_back_for_network,
    is_reached,
    reserve,
    reserve_for_network,
)

__all__ = [
    "Limit",
    "Limiter",
    "StoredLimit",
    "forgive",
    "give_back",
    "give_back_for_network",
    "is_reached",
    "reserve",
    "reserve_for_network",
]
