"""Limits: how often something may happen. In memory for what only slows guessing, in the database for what
must survive a restart.

Every limit reserves before the work is done, so parallel requests can't slip past it (T151).
"""

from grantline.limits.limiter import Limit, Limiter
from grantline.limits.stored import StoredLimit, forgive, reserve

__all__ = ["Limit", "Limiter", "StoredLimit", "forgive", "reserve"]
