"""The endpoint for messages of other data centers; what is done with each is in `crossing/receiving.py`."""

from typing import Final

import structlog

from grantline.audit import record_event
from grantline.datacenters import HEADER, MessageRefused
from grantline.limits import Limit
from grantline.oauth.errors import Throttled
from grantline.web.call import Answer, Call, json_answer
from grantline.web.server import Server

REFUSED: Final = Limit("refused-messages", 60, 60)
"""Refused messages of one network: more are not even looked at."""


async def take(server: Server, call: Call) -> Answer:
    """POST /oauth/data-centers/messages."""
    from grantline.crossing import receive  # most servers have no others

    try:
        members = await receive(server.mint, call.headers.get(HEADER, ""), call.body, call.now)
    except MessageRefused as refused:
        return await _refuse(server, call, refused)
    return json_answer(members)


async def _refuse(server: Server, call: Call, refused: MessageRefused) -> Answer:
    limiter = server.mint.limiter
    if wait := limiter.take_for_network(REFUSED, call.peer.network, call.now):
        raise Throttled("throttled", retry_after=wait)
    detail = {"reason": refused.reason, "sender": refused.sender}
    structlog.get_logger().warning("message refused", **detail, network=call.peer.shown)
    if refused.sender:  # of others there may be many, and they changed nothing
        await record_event(server.db, "message.refused", now=call.now, network=call.peer.shown, detail=detail)
    return json_answer({"error": "invalid_request", "reason": refused.reason}, status=403)
