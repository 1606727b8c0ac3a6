"""The sentences that an entry of the activity holds, in the language of who reads it.

The server writes them in English, values and all, when it answers a program: nobody knows then who will read
them. Here each is known again by its form.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from grantline.web.languages import _, mark

FORMS: Final = (
    mark("It was used %(count)s seconds ago."),
    mark("It expired %(count)s seconds ago."),
    mark("It was last used %(count)s seconds ago."),
    mark("A %(came)s value came where %(due)s is due."),
    mark("Ended: %(reason)s."),
    mark("More than %(most)s access tokens in ten minutes for one refresh token."),
    mark("There is no scope '%(name)s'."),
    mark("Secret %(id)s is no longer live."),
    mark("The client belongs to %(center)s."),
    mark("This person has moved to %(center)s. Send them through sign-in there."),
    mark("The secret was made for %(center)s."),
    mark("%(used)s of %(allowed)s refreshes in ten minutes are used."),
    mark("One person has %(held)s of %(most)s refresh tokens."),
    mark("The oldest of %(most)s refresh tokens of this person was ended: %(id)s."),
    mark("Secret %(old)s was used, and %(new)s is there to take its place."),
    mark("Credentials came in the query string, where logs on the way keep them. Send them in the body."),
)
_VALUE: Final = re.compile(r"%\\\((\w+)\\\)s")
_KNOWN: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {form: re.compile(_VALUE.sub(r"(?P<\1>.{1,200}?)", re.escape(form))) for form in FORMS if "%(" in form}
)


def say_again(sentence: str) -> str:
    """The sentence in the language of this request; one of no known form stays as it is."""
    for form, pattern in _KNOWN.items():
        if found := pattern.fullmatch(sentence):
            return _(form, **found.groupdict())
    return _(sentence)
