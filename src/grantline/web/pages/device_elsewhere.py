"""A device whose person lives in another data center: it goes on there with the codes that it has, or starts
again there, as its app can do."""

from typing import Final

from starlette.responses import Response

from grantline.authorize import PendingFlow, consume_flow
from grantline.clients import Client, find_client
from grantline.crossing import NotTaken, NotTheirs, Unreachable, hand_over_device, record_handed_over
from grantline.datacenters import DataCenter
from grantline.tokens import (
    DeviceCode,
    find_by_user_code,
    hand_over_device_code,
    hash_user_code,
    keep_device_code_for,
    show_user_code,
)
from grantline.web import vendor_wire
from grantline.web.pages.device import NOT_FOUND, enter_page
from grantline.web.visit import Visit, browser_hash, form_target

AGAIN_SECONDS: Final = 10


async def hand_over(visit: Visit, handle: str, flow: PendingFlow, center: DataCenter) -> Response:
    """Let the device whose code was entered go on in this data center, where its app works."""
    server = visit.server
    code = await find_by_user_code(server.db, hash_user_code(server.mint.keyring, flow.request), visit.now)
    client = await find_client(server.db, code.client_id) if code is not None else None
    if code is None or client is None:
        return enter_page(visit, "", NOT_FOUND, 400)
    try:
        if not vendor_wire.hands_devices_over(client):
            await _let_start_again(visit, flow, code, center)
            return _page(visit, "again", client, center, user_code=show_user_code(flow.request))
        await _hand_over(visit, code, flow.request, center)
    except NotTheirs:
        return enter_page(visit, "", NOT_FOUND, 404)
    except (Unreachable, NotTaken) as problem:
        state = "silent" if isinstance(problem, Unreachable) else "refused"
        page = _page(visit, state, client, center, status=503, flow=handle)
        page.headers["Retry-After"] = str(AGAIN_SECONDS)
        return page
    return visit.leave(f"{center.issuer}/device?user_code={show_user_code(flow.request)}")


async def _let_start_again(visit: Visit, flow: PendingFlow, code: DeviceCode, center: DataCenter) -> None:
    """Nothing crosses: the device is told where to ask. Raises NotTheirs."""
    async with visit.server.db.transaction() as tx:
        theirs = await keep_device_code_for(
            tx, code, center.code, browser_hash=browser_hash(visit), now=visit.now
        )
        if not theirs or not await consume_flow(tx, flow, visit.now):
            raise NotTheirs
        await hand_over_device_code(tx, code, center.code, visit.now)
        await record_handed_over(tx, code, center, visit.peer.shown, visit.now)


async def _hand_over(visit: Visit, code: DeviceCode, letters: str, center: DataCenter) -> None:
    server = visit.server
    speaker = server.neighbours.open_speaker(server.mint, server.clock)
    try:
        await hand_over_device(
            server.mint,
            speaker.send,
            center,
            code,
            letters,
            browser_hash=browser_hash(visit),
            network=visit.peer.shown,
            now=visit.now,
        )
    finally:
        await speaker.close()


def _page(
    visit: Visit,
    state: str,
    client: Client,
    center: DataCenter,
    *,
    status: int = 200,
    flow: str = "",
    user_code: str = "",
) -> Response:
    return visit.render(
        "people/device_elsewhere.html",
        status=status,
        form_action=form_target(center.issuer),
        state=state,
        app=client.name,
        center={"code": center.code, "name": center.name, "address": f"{center.issuer}/device"},
        user_code=user_code,
        flow=flow,
        token=visit.form_token("signin"),
    )
