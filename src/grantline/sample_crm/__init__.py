"""The sample CRM: the resource API of one data center, as an API that knows Grantline only from outside.

The kit (`grantline.resource_server`) checks the access token of every call; `config.py` says how, and
`gate.py` asks it for the scopes of the route. The rest is a small CRM on an SQLite file of its own:
`modules.py` says what fields there are, `records.py` stores them, `reading.py` and `writing.py` put them on
the wire, `files.py` keeps files, `bulk` carries out jobs, and `routes.py` lists every URL with the scopes
that open it.
"""

from grantline.sample_crm.app import build_app
from grantline.sample_crm.config import CrmConfig

__all__ = ["CrmConfig", "build_app"]
