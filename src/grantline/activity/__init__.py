"""Activity: what failed and why, for the people who own the app, in a bounded ring per app, looked up by
request id (R88); and how often what went well.

Failures before the app proved itself have a ring of their own, so that a stranger can't flush the real ones
out (T130).
"""

from grantline.activity.counters import DAYS_KEPT_SECONDS, Counters, Usage, fold_hours, list_usage
from grantline.activity.entries import Entry, find_entry, list_entries, newest_entries
from grantline.activity.recorder import Recorder

__all__ = [
    "DAYS_KEPT_SECONDS",
    "Counters",
    "Entry",
    "Recorder",
    "Usage",
    "find_entry",
    "fold_hours",
    "list_entries",
    "list_usage",
    "newest_entries",
]
