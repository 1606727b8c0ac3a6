"""The sample CRM: the resource API of one data center, as an API that knows Grantline only from outside.

It asks about every access token at the introspection endpoint (RFC 7662 §2) with the client id and secret
that `grantline api create` gave it, checks audience, origin, organization and scope, and answers from its own
SQLite file. `gate.py` is the part to read for anyone who builds an API; the rest is a small CRM: `modules.py`
says what fields there are, `records.py` stores them, `endpoints.py` and `writing.py` put them on the wire,
and `routes.py` lists every URL with the scopes that open it.
"""

from grantline.sample_crm.app import build_app
from grantline.sample_crm.config import CrmConfig

__all__ = ["CrmConfig", "build_app"]
