"""Activity: what failed and why, for the people who own the app. A bounded ring per app, looked up by request
id (R88).

Failures before the app proved itself have a ring of their own, so that a stranger can't flush the real ones
out (T130).
"""

from grantline.activity.entries import Entry, find_entry, list_entries, newest_entries
from grantline.activity.recorder import Recorder

__all__ = ["Entry", "Recorder", "find_entry", "list_entries", "newest_entries"]
