"""The token endpoint's grant types, one file each (RFC 6749 §4, RFC 8628 §3.4), behind the one table in
`redeem`.

A grant reads top to bottom like the section it implements: find, check, spend, issue. Checks that only
someone who proved
possession may trigger come last.
"""

from grantline.grants.exchange import Exchange
from grantline.grants.redeem import redeem

__all__ = ["Exchange", "redeem"]
