"""The files for browser apps: the same for everybody, loaded by pages of any origin."""

from typing import Final

from grantline.web.call import Answer, Call, json_answer
from grantline.web.server import Server

FOR_A_WHILE: Final = "public, max-age=300"
FOR_EVER: Final = "public, max-age=31536000, immutable"


async def sdk_file(server: Server, call: Call) -> Answer:
    """GET /sdk/…: for a while at the address that stays, for ever at the one that its content names."""
    found = server.pages.browser_files.get(call.path)
    if found is None:
        return json_answer({"error": "not_found"}, status=404)
    pinned = call.path == found.pinned
    tag = f'"{found.integrity}"'
    known = call.headers.get("if-none-match") == tag
    return Answer(
        304 if known else 200,
        b"" if known else found.content,
        (("etag", tag), ("content-location", found.pinned)),
        content_type=found.content_type,
        cache=FOR_EVER if pinned else FOR_A_WHILE,
    )
