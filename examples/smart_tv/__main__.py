"""Lead TV: a page that looks like a TV, and the program behind it, which is the TV."""

import threading
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from examples.serving import Pages, read_config, serve, site
from examples.smart_tv.qr import svg_path
from examples.smart_tv.tv import Tv
from examples.store import open_store
from grantline import Grantline

BUTTONS: Final = ("code", "off")
config, port = read_config("smart_tv", port=8705)
store = open_store("smart_tv")
tv = Tv(lambda issuer: Grantline.device({**config, "issuer": issuer or config["issuer"]}, store=store))
pages = Pages("smart_tv", qr=svg_path)


async def home(request: Request) -> Response:
    """GET /: the TV set and its remote control."""
    return pages.page("tv.html", screen=tv.screen())


async def screen(request: Request) -> Response:
    """GET /screen: what is on it now. The page asks every second."""
    return pages.page("screen.html", screen=tv.screen())


async def press(request: Request) -> Response:
    """POST /press/code and /press/off: the two buttons that do something outside the page."""
    button = request.path_params["button"]
    if button in BUTTONS:
        tv.press(button)
    return Response(status_code=204)


threading.Thread(target=tv.run, daemon=True).start()
serve("Lead TV", site("smart_tv", [
    Route("/", home),
    Route("/screen", screen),
    Route("/press/{button}", press, methods=["POST"]),
]), port)  # fmt: skip
