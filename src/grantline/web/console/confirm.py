"""The password again, before what could open the account to an app (T5); what was typed is kept."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from grantline.accounts import PasswordsBusy, SignInDelayed, email_key, sign_in, start_session
from grantline.audit import record_event
from grantline.web.console.place import Place
from grantline.web.languages import _, mark
from grantline.web.visit import Visit

PASSWORD: Final = "password"
_WRONG: Final = mark("That is not the password of this account. Try again.")


async def confirm(visit: Visit, place: Place, form: Mapping[str, str], *, back: str) -> Response | None:
    """None when the sign-in is recent, or the form brings the right password; else the page that asks for it.

    That page sends the same form to the same address again, with the password. `back` leads away instead.
    """
    if visit.recent:
        return None
    if PASSWORD not in form:
        return _page(visit, place, form, back)
    try:
        proven = await sign_in(
            visit.server.db,
            visit.server.passwords,
            email=place.account.email,
            password=form[PASSWORD],
            network=visit.peer.network,
            known_browser=visit.knows_email(email_key(place.account.email)),
            factor=visit.server.mint.limiter.factor,
            now=visit.now,
        )
    except SignInDelayed as delay:
        return _page(visit, place, form, back, status=429, wait_seconds=delay.wait_seconds)
    except PasswordsBusy:
        return _page(visit, place, form, back, status=503, wait_seconds=2)
    if proven is None or proven.id != place.account.id:
        await _record(visit, place, "sign_in.failed")
        return _page(visit, place, form, back, status=400, problem=_(_WRONG))
    await _renew(visit, place)
    return None


async def _renew(visit: Visit, place: Place) -> None:
    """A new session in the place of the old one (T73)."""
    value, session = await start_session(
        visit.server.db,
        account_id=place.account.id,
        now=visit.now,
        network=visit.peer.shown,
        user_agent=visit.request.headers.get("user-agent", ""),
        replaces=visit.session.id_hash if visit.session is not None else None,
    )
    await _record(visit, place, "sign_in.succeeded")
    visit.set_session(value, session, place.account)


async def _record(visit: Visit, place: Place, kind: str) -> None:
    await record_event(
        visit.server.db,
        kind,
        now=visit.now,
        account_id=place.account.id,
        network=visit.peer.shown,
        detail={"again": True},
    )


def _page(
    visit: Visit,
    place: Place,
    form: Mapping[str, str],
    back: str,
    *,
    status: int = 200,
    problem: str = "",
    wait_seconds: int = 0,
) -> Response:
    page = visit.render(
        "console/confirm.html",
        status=status,
        **place.frame(visit),
        action=visit.request.url.path,
        kept={name: value for name, value in form.items() if name != PASSWORD},
        back=back,
        problem=problem,
        wait_seconds=wait_seconds,
    )
    if wait_seconds:
        page.headers["Retry-After"] = str(wait_seconds)
    return page
