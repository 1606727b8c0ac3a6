"""An app of Django's, as far as a store needs one: light, since processes of the tests import it."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from grantline.sdk.stores import DjangoCacheStore


def django_store(caches: Mapping[str, Any], prefix: str) -> DjangoCacheStore:
    """The store of an app with these caches, if no app of Django's is there yet."""
    if not settings.configured:
        settings.configure(CACHES=caches, ALLOWED_HOSTS=["*"], SECRET_KEY="tests", LOGGING_CONFIG=None)
    return DjangoCacheStore(prefix=prefix)
