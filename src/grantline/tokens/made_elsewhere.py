"""What another data center made says so itself: nothing is looked up, so nothing tells whether it exists
there (R84)."""

from grantline.opaque import recognise
from grantline.tokens.mint import Mint


def issuer_elsewhere(mint: Mint, text: str, *kinds: str) -> str | None:
    """The issuer of the other data center whose identifier this is (of one of these kinds, if any are named).

    None for ours, for those of data centers that are not in the registry, and for all that is no identifier.
    """
    recognised = recognise(text)
    if recognised is None or (kinds and recognised.kind not in kinds):
        return None
    return mint.data_centers.issuers.get(recognised.data_center)
