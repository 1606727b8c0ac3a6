"""What crosses from one data center to another, and how: definitions of apps, what was refused to them, a
device's wish, and, when an operator says so, a person who moves.

Messages are signed and taken once (`datacenters.messages`). `sending.py` sends one, `receiving.py` is the
table of what is done with each kind, `courier.py` keeps sending what waits. Nothing else of people crosses;
docs/data-centers.md lists what does.
"""

from grantline.crossing.courier import Courier
from grantline.crossing.devices import NotTheirs, hand_over_device, record_handed_over
from grantline.crossing.moving import Move, Moved, MoveRefused, take_back
from grantline.crossing.receiving import receive
from grantline.crossing.sending import NotTaken, Sender, Unreachable

__all__ = [
    "Courier",
    "Move",
    "MoveRefused",
    "Moved",
    "NotTaken",
    "NotTheirs",
    "Sender",
    "Unreachable",
    "hand_over_device",
    "receive",
    "record_handed_over",
    "take_back",
]
