"""How many clients a person may add."""

from typing import Final

from grantline.limits import Limit

NEW_CLIENTS: Final = Limit("new-clients", 50, 24 * 3600)
