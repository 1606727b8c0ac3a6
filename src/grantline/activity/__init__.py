"""Activity: what failed and why, for the people who own the app, in a bounded ring per app, looked up by
request id (R88); the same added up by cause; and how often what went well.

Failures before the app proved itself have a ring of their own, so that a stranger can't flush the real ones
out (T130). What is refused to an app away from its home is told to its home (`to_tell`, `elsewhere`).
"""

from grantline.activity.causes import (
    DENIED,
    EVENT,
    Cause,
    list_causes,
    list_causes_of,
    list_workspace_causes,
)
from grantline.activity.counters import DAYS_KEPT_SECONDS, Counters, fold_hours
from grantline.activity.elsewhere import (
    find_cause_elsewhere,
    list_causes_elsewhere,
    list_causes_elsewhere_of,
    list_workspace_causes_elsewhere,
    store_elsewhere,
)
from grantline.activity.entries import (
    OUTCOMES,
    Entry,
    Wanted,
    count_newer,
    find_entry,
    list_entries,
    newest_entries,
    page_entries,
)
from grantline.activity.kinds import (
    ALLOWED,
    ANY_TOKEN,
    API_CALL,
    DECLINED,
    FAILED,
    REFUSED,
    REFUSED_UNPROVEN,
    STARTED,
    TOKENS,
    scope_kind,
    secret_kind,
    token_kind,
    workspace_key,
)
from grantline.activity.recorder import Recorder
from grantline.activity.to_tell import list_to_tell, note_causes_told, put_off_telling
from grantline.activity.usage import (
    Usage,
    count_since,
    last_used,
    list_firsts,
    list_firsts_of,
    list_last_uses,
    list_usage,
    list_usage_of,
    list_used_scopes,
)

__all__ = [
    "ALLOWED",
    "ANY_TOKEN",
    "API_CALL",
    "DAYS_KEPT_SECONDS",
    "DECLINED",
    "DENIED",
    "EVENT",
    "FAILED",
    "OUTCOMES",
    "REFUSED",
    "REFUSED_UNPROVEN",
    "STARTED",
    "TOKENS",
    "Cause",
    "Counters",
    "Entry",
    "Recorder",
    "Usage",
    "Wanted",
    "count_newer",
    "count_since",
    "find_cause_elsewhere",
    "find_entry",
    "fold_hours",
    "last_used",
    "list_causes",
    "list_causes_elsewhere",
    "list_causes_elsewhere_of",
    "list_causes_of",
    "list_entries",
    "list_firsts",
    "list_firsts_of",
    "list_last_uses",
    "list_to_tell",
    "list_usage",
    "list_usage_of",
    "list_used_scopes",
    "list_workspace_causes",
    "list_workspace_causes_elsewhere",
    "newest_entries",
    "note_causes_told",
    "page_entries",
    "put_off_telling",
    "scope_kind",
    "secret_kind",
    "store_elsewhere",
    "token_kind",
    "workspace_key",
]
