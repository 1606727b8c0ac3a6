"""Grantline: a self-hosted OAuth 2.0 and OpenID Connect authorization server for people who build apps.

The folders are the nouns of the subject; `ARCHITECTURE.md` says who may import whom. Start reading at
`oauth/` (the specifications as pure functions) or at `web/routes.py` (every URL on one screen).
"""

__version__ = "0.1.0"
