"""Refusals of the console's API: problem documents with a code of the error catalogue (RFC 9457)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, Field, ValidationError

from grantline.oauth.bearer import render_challenge
from grantline.oauth.errors import CATALOGUE, InsufficientScope, InvalidScope, InvalidToken, OAuthError
from grantline.web.call import Answer

CONTENT_TYPE: Final = "application/problem+json"
_SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "This field is needed.",
        "extra_forbidden": "There is no such field here.",
        "string_type": "This is a text.",
        "bool_type": "This is true or false.",
        "int_type": "This is a whole number.",
        "list_type": "This is a list.",
        "model_type": "This is an object.",
        "string_unicode": "This text is not valid Unicode.",
    }
)


class FieldFault(BaseModel):
    """One field that needs to change."""

    field: str
    sentence: str
    value: str = Field(default="", description="What was sent, where it is one of several.")


class ProblemDocument(BaseModel):
    """A refusal (RFC 9457)."""

    type: str = Field(description="The page that explains this error.")
    title: str
    status: int
    detail: str
    code: str = Field(description="The error's name in the catalogue.")
    fix: str = Field(description="What to do about it.")
    request_id: str
    needed: str = Field(default="", description="The scope or role that the call needs.")
    expected_issuer: str = Field(
        default="", description="The data center that made the token, where it is another one."
    )
    problems: list[FieldFault] = Field(default=[], description="What to mend, field by field.")


@dataclass(eq=False)
class Problem(Exception):
    """A refusal, raised where the fault is found. Nothing was done."""

    code: str
    status: int
    detail: str = ""
    """What is so in this case; empty for the catalogue's own sentence."""
    needed: str = ""
    expected_issuer: str = ""
    problems: Sequence[FieldFault] = ()
    headers: tuple[tuple[str, str], ...] = ()


def not_found() -> Problem:
    """Nothing of this workspace has that name: foreign is the same as missing (T143)."""
    return Problem("not_found", 404)


def not_possible(sentence: str) -> Problem:
    """A rule stands against it as things are now."""
    return Problem("not_possible", 409, sentence)


def refused_fields(problems: Sequence[tuple[str, str, str]]) -> Problem:
    """Fields with a sentence each, and the value where there are several."""
    faults = [FieldFault(field=field, sentence=text, value=value) for field, text, value in problems]
    return Problem("fields_refused", 422, problems=faults)


def refused_values(error: ValidationError) -> Problem:
    """What a schema says of values that don't fit it."""
    return refused_fields(
        [
            (
                ".".join(str(part) for part in fault["loc"]) or "body",
                _SENTENCES.get(fault["type"], f"{fault['msg'].removeprefix('Value error, ').rstrip('.')}."),
                "",
            )
            for fault in error.errors(include_url=False, include_input=False, include_context=False)
        ]
    )


def problem_of(error: OAuthError) -> Problem:
    """The same refusal as the protocol's endpoints would give."""
    headers = (("retry-after", str(error.retry_after)),) if error.retry_after is not None else ()
    if isinstance(error, InvalidScope):
        fault = f"{error.explanation.title}. {error.explanation.fix}"
        return refused_fields([("scope", fault, (error.received or "")[:200])])
    return Problem(error.public_code, error.status, headers=headers)


def answer_problem(problem: Problem, *, issuer: str, request_id: str) -> Answer:
    """The problem as it is answered; 401 and 403 carry the challenge of RFC 6750 §3."""
    entry = CATALOGUE[problem.code]
    document = ProblemDocument(
        type=f"{issuer}/errors/{entry.code}",
        title=entry.title,
        status=problem.status,
        detail=problem.detail or entry.description,
        code=entry.code,
        fix=entry.fix,
        request_id=request_id,
        needed=problem.needed,
        expected_issuer=problem.expected_issuer,
        problems=list(problem.problems),
    )
    headers = problem.headers
    if entry.error in (InvalidToken.error, InsufficientScope.error):
        kind = InvalidToken if entry.error == InvalidToken.error else InsufficientScope
        scope = problem.needed if problem.code == "key_scope_missing" else None
        headers = (
            *headers,
            (
                "www-authenticate",
                render_challenge(
                    "Grantline",
                    kind(entry.code),
                    scope=scope,
                    expected_issuer=problem.expected_issuer or None,
                ),
            ),
        )
    body = document.model_dump_json(exclude_defaults=True).encode()
    return Answer(problem.status, body, headers, content_type=CONTENT_TYPE)
