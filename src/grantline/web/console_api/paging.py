"""Lists by pages: each answer names the place at which the next one begins."""

from typing import Annotated, Final

from pydantic import Field

from grantline.web.console_api.operations import Number, Query
from grantline.web.console_api.problems import refused_fields

MOST: Final = 200
DEFAULT: Final = 50


class Page(Query):
    """How much to show, and from where."""

    limit: Annotated[Number, Field(ge=1, le=MOST, description="How many at most.")] = DEFAULT
    after: str = Field(
        default="",
        max_length=120,
        pattern=r"^([0-9]{1,16}\.[A-Za-z0-9_-]{1,100})?$",
        description="The `next` of the answer before.",
    )

    def place(self) -> tuple[int, str] | None:
        """The instant and the ID of the last one seen."""
        at, _, last = self.after.partition(".")
        if at and int(at) >= 2**62:
            raise refused_fields([("after", "Use the next of an answer.", "")])
        return (int(at), last) if self.after else None


def next_place(limit: int, shown: int, at: int, last: str) -> str | None:
    """What the next page begins after; None at the end."""
    return f"{at}.{last}" if shown == limit else None
