"""The demo's mails: those that its folder keeps, to be read in a browser."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.responses import Response

from grantline.mail import FolderPost
from grantline.web.console.place import Place
from grantline.web.visit import Visit


async def show_mails(visit: Visit, place: Place) -> Response:
    """GET /console/mail: in the demo alone. Elsewhere mails are for whom they were sent to."""
    post = visit.server.post
    if not visit.server.settings.demo or not isinstance(post, FolderPost):
        raise HTTPException(404)
    mails = await asyncio.to_thread(post.newest)
    return visit.render(
        "console/mails.html",
        **place.frame(visit),
        mails=[
            {
                "to": mail.to,
                "subject": mail.subject,
                "at": mail.at,
                "lines": [_line(line, visit.server.issuer) for line in mail.text.splitlines()],
            }
            for mail in mails
        ],
    )


def _line(line: str, issuer: str) -> dict[str, str]:
    """A line of text; one that is an address of ours is a link."""
    return {"text": line, "href": line if line.startswith(f"{issuer}/") and " " not in line else ""}
