"""Going on in another data center: the person says where they live, and takes along what they were about to
do. Where to is an address out of the registry, and nothing that anybody typed goes with them (T80, T115)."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from grantline.authorize import find_flow
from grantline.clients import find_client
from grantline.web.languages import mark
from grantline.web.pages.offers import address_at, find_offers
from grantline.web.pages.sign_in import sign_in_page
from grantline.web.visit import open_visit

GONE: Final = mark("That data center can’t be chosen any more. Sign in here, or choose another one.")
TOO_OLD: Final = mark("This page is too old. Go back to where you came from, and start again there.")


async def go_elsewhere(request: Request) -> Response:
    """POST /signin/elsewhere."""
    visit = await open_visit(request)
    form = await visit.form("signin", fields=frozenset({"data_center"}))
    handle = form.get("flow", "")
    flow = await find_flow(visit.server.db, handle, visit.browser, visit.now) if handle else None
    if handle and flow is None:
        return await sign_in_page(visit, "", None, elsewhere=TOO_OLD, status=400)
    client = await find_client(visit.server.db, flow.client_id) if flow and flow.client_id else None
    center = (await find_offers(visit, flow, client)).find(form.get("data_center", ""))
    if center is None:
        return await sign_in_page(visit, handle, flow, elsewhere=GONE, status=400)
    visit.choose_data_center(center.code)
    if flow is not None and flow.kind == "device":
        from grantline.web.pages.device_elsewhere import hand_over  # most servers have no others

        return await hand_over(visit, handle, flow, center)
    return visit.leave(address_at(center, flow))
