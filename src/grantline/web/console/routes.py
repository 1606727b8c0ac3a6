"""The console's addresses, all of them."""

from starlette.routing import Route

from grantline.web.console import activity, client, clients, codes, credentials
from grantline.web.console.entrance import of_client, signed_in

_GET, _POST = ["GET"], ["POST"]
_ONE = "/console/clients/{client_id}"

ROUTES: tuple[Route, ...] = (
    Route("/console", signed_in(clients.home), methods=_GET),
    Route("/console/clients", signed_in(clients.show_clients), methods=_GET),
    Route("/console/clients/new", signed_in(clients.choose_type), methods=_GET),
    Route("/console/clients/new/{type}", signed_in(clients.show_details, recently=True), methods=_GET),
    Route("/console/clients/new/{type}", signed_in(clients.create), methods=_POST),
    Route("/console/activity", signed_in(activity.find_request), methods=_GET),
    Route(_ONE, of_client(client.show_client), methods=_GET),
    Route(_ONE, of_client(client.save), methods=_POST),
    Route(f"{_ONE}/delete", of_client(client.delete), methods=_POST),
    Route(f"{_ONE}/secrets/add", of_client(credentials.add), methods=_POST),
    Route(f"{_ONE}/secrets/reset", of_client(credentials.reset), methods=_POST),
    Route(f"{_ONE}/secrets/revoke", of_client(credentials.revoke), methods=_POST),
    Route(f"{_ONE}/code", of_client(codes.show_code_form, recently=True), methods=_GET),
    Route(f"{_ONE}/code", of_client(codes.generate), methods=_POST),
    Route(f"{_ONE}/activity", of_client(activity.show_activity), methods=_GET),
)
