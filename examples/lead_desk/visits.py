"""Who sits at which browser: the app's own cookie, and the word in its own forms. No token is here."""

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

COOKIE: Final = "lead_desk"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in here. The same number in two data centers is two people."""

    issuer: str
    subject: str
    organization: str
    name: str
    email: str

    @property
    def id(self) -> str:
        """Tells the people of one browser apart."""
        return " ".join((self.subject, self.issuer, self.organization))


@dataclass(slots=True)
class Visit:
    """One browser. Several people may have signed in; one of them is looking."""

    people: dict[str, Person] = field(default_factory=dict)
    current: str = ""
    form_token: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    draft: dict[str, str] = field(default_factory=dict)
    """What was typed before something else had to be done first."""

    @property
    def person(self) -> Person | None:
        """Who is looking."""
        return self.people.get(self.current)


class Visits:
    """All browsers, in the memory of this process: after a new start everybody signs in again."""

    def __init__(self) -> None:
        self._visits: dict[str, Visit] = {}

    def find(self, request: Request) -> Visit:
        """The visit of this browser, or a new one that nobody has signed in to."""
        return self._visits.get(request.cookies.get(COOKIE, ""), Visit())

    def sign_in(self, request: Request, response: Response, person: Person) -> None:
        """Add the person. The cookie changes, so that nobody can have known it before (session fixation)."""
        visit = self._visits.pop(request.cookies.get(COOKIE, ""), Visit())
        visit.people[person.id], visit.current = person, person.id
        id = secrets.token_urlsafe(24)
        self._visits[id] = visit
        response.set_cookie(COOKIE, id, httponly=True, samesite="lax", secure=request.url.scheme == "https")

    def sign_out(self, request: Request, response: Response) -> None:
        """Forget the browser."""
        self._visits.pop(request.cookies.get(COOKIE, ""), None)
        response.delete_cookie(COOKIE)


def is_ours(visit: Visit, given: object) -> bool:
    """Whether a form came from a page that we made for this browser."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), visit.form_token.encode())
