"""Grantline: a self-hosted OAuth 2.0 and OpenID Connect authorization server for people who build apps.

The folders are the nouns of the subject; `ARCHITECTURE.md` says who may import whom. Start reading at
`oauth/` (the specifications as pure functions) or at `web/routes.py` (every URL on one screen).

What apps use is here too, loaded when it is asked for: `from grantline import Grantline`.
"""

import importlib
import sys

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """A public name of the client library (`grantline.sdk`); a folder that is being imported is none."""
    if not name.startswith("_") and f"{__name__}.{name}" not in sys.modules:
        library = importlib.import_module("grantline.sdk")
        if name in library.__all__:
            found: object = getattr(library, name)
            return found
    raise AttributeError(f"module 'grantline' has no attribute {name!r}")
