"""The TV follows its person to another data center, if its own one lists it."""

import json
import threading
import time
from urllib.parse import urlsplit

from examples.smart_tv.tv import Tv
from grantline import Grantline, MemoryStore
from grantline.sdk.effects import Reply, Send

HOME, LISTED, FOREIGN = "https://us.example", "https://eu.example", "https://evil.example"


class World:
    """Three issuers. The home lists one other, which lists and names a third."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def send(self, request: Send) -> Reply:
        """The answer, as each gives it."""
        parts = urlsplit(request.url)
        issuer = f"{parts.scheme}://{parts.netloc}"
        self.asked.append(issuer)
        if parts.path.startswith("/.well-known/"):
            ends = {"token_endpoint": "/token", "device_authorization_endpoint": "/code", "dc_info": "/list"}
            return answer(200, issuer=issuer, **{name: issuer + path for name, path in ends.items()})
        if parts.path == "/list":
            return answer(200, locations={"us": HOME, "eu": LISTED} if issuer == HOME else {"x": FOREIGN})
        there = LISTED if issuer == HOME else FOREIGN
        return answer(400, error="invalid_request", expected_issuer=there)


def answer(status: int, **members: object) -> Reply:
    return Reply(status, {}, json.dumps(members).encode())


def test_T110_a_tv_goes_to_no_data_center_that_its_home_does_not_list() -> None:
    world = World()
    tv = Tv(
        lambda issuer: Grantline.device(
            issuer=issuer or HOME, client_id="tv", store=MemoryStore(), wire=world
        )
    )
    threading.Thread(target=tv.run, daemon=True).start()
    tv.press("code")
    while tv.screen()["name"] == "start":
        time.sleep(0.01)
    assert tv.screen()["name"] == "refused"
    assert set(world.asked) == {HOME, LISTED}
