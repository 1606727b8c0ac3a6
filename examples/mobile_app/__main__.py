"""Lead Pocket: a phone on a page, and the program behind it, which is the app on the phone."""

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from examples.mobile_app.phone import Phone
from examples.serving import Pages, read_config, serve, site
from examples.store import open_store
from grantline import Grantline, GrantlineError

config, port = read_config("mobile_app", port=8707)
phone = Phone(Grantline.desktop(config, store=open_store("mobile_app")))
pages = Pages("mobile_app")


def home(request: Request) -> Response:
    """GET /: the phone. `contact` is the one that was tapped."""
    phone.look_again()
    screen = phone.screen()
    chosen = request.query_params.get("contact", "")
    contact = next((one for one in screen["contacts"] if one["id"] == chosen), None)
    return pages.page("phone.html", screen=screen, contact=contact)


def browser(request: Request) -> Response:
    """GET /browser, in a window of its own: the system browser, on its way to the sign-in."""
    try:
        return RedirectResponse(phone.sign_in(), 303)
    except GrantlineError as problem:
        return pages.page("browser.html", 503, problem=problem)


def state(request: Request) -> Response:
    """GET /state: the page asks every second whether there is something else to draw."""
    return JSONResponse(phone.screen()["mark"])


def touch(request: Request) -> Response:
    """POST /touch/…: the phone's switch for the network, and the app's button for leaving."""
    match request.path_params["what"]:
        case "airplane":
            phone.airplane = not phone.airplane
        case "sign-out":
            phone.sign_out()
    return RedirectResponse("/", 303)


serve("Lead Pocket", site("mobile_app", [
    Route("/", home),
    Route("/browser", browser),
    Route("/state", state),
    Route("/touch/{what}", touch, methods=["POST"]),
]), port)  # fmt: skip
