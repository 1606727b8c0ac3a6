"""A call to an endpoint for programs, and its answer. There is no way to a cookie from here (T58)."""

from collections.abc import Mapping
from typing import NamedTuple

from grantline.oauth.errors import InvalidRequest
from grantline.oauth.parameters import Parameters, from_fields, merge, parse_form
from grantline.oauth.responses import render_members
from grantline.web.peer import Peer


class Call(NamedTuple):
    """One request of a program. Header names are in small letters."""

    method: str
    path: str
    query: bytes
    headers: Mapping[str, str]
    body: bytes
    peer: Peer
    request_id: str
    now: int

    @property
    def authorization(self) -> str | None:
        """The Authorization header."""
        return self.headers.get("authorization")

    @property
    def origin(self) -> str | None:
        """The Origin header: the call comes out of a browser."""
        return self.headers.get("origin")

    def parameters(self) -> Parameters:
        """The form's parameters and the query's, together (urlencoded and multipart alike). Raises
        InvalidRequest."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            body = from_fields(self._multipart(), may_repeat_equal=_MAY_REPEAT)
        elif self.body and kind != "application/x-www-form-urlencoded":
            raise InvalidRequest("content_type_wrong", received=kind or "nothing")
        else:
            body = parse_form(self.body, may_repeat_equal=_MAY_REPEAT)
        if not self.query:
            return body
        return merge(parse_form(self.query, in_query=True, may_repeat_equal=_MAY_REPEAT), body)

    def _multipart(self) -> list[tuple[str, str]]:
        from grantline.web.multipart import parse_multipart  # most calls never need it

        return parse_multipart(self.body, self.headers["content-type"])


_MAY_REPEAT = frozenset({"scope"})


class Answer(NamedTuple):
    """What an endpoint for programs answers."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    client_id: str | None = None
    """Whose app it was, to decide on CORS."""
    content_type: str = "application/json"
    cache: str = "no-store"


def json_answer(
    members: Mapping[str, object], *, status: int = 200, client_id: str | None = None, cache: str = "no-store"
) -> Answer:
    """An answer out of members."""
    return Answer(status, render_members(members), client_id=client_id, cache=cache)
