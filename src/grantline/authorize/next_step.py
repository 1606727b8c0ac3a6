"""What comes next in the browser: sign in, ask for consent, or answer. Pure."""

from enum import Enum

from grantline.oauth.errors import ConsentRequired, LoginRequired
from grantline.oauth.requests import AuthorizationRequest


class Step(Enum):
    """The three things that can come next."""

    SIGN_IN = "sign in"
    CONSENT = "consent"
    ANSWER = "answer"


def next_step(
    request: AuthorizationRequest,
    *,
    auth_at: int | None,
    same_person: bool,
    must_ask: bool,
    started_at: int,
    now: int,
) -> Step:
    """The next step for a request that began at `started_at`.

    `auth_at` is when the person signed in (None: nobody is); `same_person` is False when `id_token_hint`
    names somebody else;
    `must_ask` is consent's word. With `prompt=none` it raises LoginRequired or ConsentRequired in the place
    of a page
    (OpenID Connect Core §3.1.2.1).
    """
    silent = "none" in request.prompt
    if auth_at is None or not same_person or _stale(request, auth_at, started_at, now):
        if silent:
            raise LoginRequired("login_required")
        return Step.SIGN_IN
    if must_ask or "consent" in request.prompt or _choose(request, auth_at, started_at):
        if silent:
            raise ConsentRequired("consent_required")
        return Step.CONSENT
    return Step.ANSWER


def _stale(request: AuthorizationRequest, auth_at: int, started_at: int, now: int) -> bool:
    """Whether the person has to prove themselves anew for this request (T23)."""
    if auth_at >= started_at:
        return False  # signed in for this very request
    if "login" in request.prompt:
        return True
    return request.max_age is not None and now - auth_at > request.max_age - (request.max_age == 0)


def _choose(request: AuthorizationRequest, auth_at: int, started_at: int) -> bool:
    """Whether the person is to choose an account: the consent page names theirs and offers another.

    Who signed in for this very request has chosen.
    """
    return "select_account" in request.prompt and auth_at < started_at
