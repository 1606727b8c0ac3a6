"""Consent: what a person allowed an app, remembered, and when they must be asked again (R13, R54, R55).

The tokens that follow from it are next door in `tokens`; *Remove access* ends both.
"""

from grantline.consent.connected_apps import ConnectedApp, list_connected_apps, remove_access
from grantline.consent.consents import Asked, Consent, allow, find_consent, must_ask
from grantline.consent.reach import MOST_COUNTED, count_people

__all__ = [
    "MOST_COUNTED",
    "Asked",
    "ConnectedApp",
    "Consent",
    "allow",
    "count_people",
    "find_consent",
    "list_connected_apps",
    "must_ask",
    "remove_access",
]
