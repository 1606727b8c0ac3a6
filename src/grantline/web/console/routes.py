"""The console's addresses, all of them, each with the right that it needs (T143)."""

from typing import Final

from grantline.web.console import (
    activity,
    audit,
    client,
    clients,
    codes,
    credentials,
    exchange,
    invitations,
    mails,
    quickstart,
    team,
    workspaces,
)
from grantline.web.console.entrance import ConsolePage, get, post
from grantline.workspaces import CHANGE, MANAGE, VIEW

_ONE = "/console/clients/{client_id}"

PAGES: Final[tuple[ConsolePage, ...]] = (
    get("/console", clients.home),
    post("/console/workspace", workspaces.switch, right=VIEW),
    get("/console/workspaces/new", workspaces.show_new),
    post("/console/workspaces/new", workspaces.create, right=VIEW),
    get("/console/team", team.show_team),
    post("/console/team/rename", team.rename, right=MANAGE),
    get("/console/team/members/{member}", team.show_member, right=MANAGE),
    post("/console/team/members/{member}/role", team.set_role, right=MANAGE),
    post("/console/team/members/{member}/remove", team.remove, right=MANAGE),
    get("/console/team/leave", team.show_leave),
    post("/console/team/leave", team.leave, right=VIEW),
    post("/console/team/invitations", invitations.send, right=MANAGE),
    post("/console/team/invitations/{invitation}/again", invitations.send_again, right=MANAGE),
    post("/console/team/invitations/{invitation}/withdraw", invitations.withdraw, right=MANAGE),
    get("/console/invitations/{invitation}", invitations.show_invitation),
    post("/console/invitations/{invitation}", invitations.accept, right=VIEW),
    get("/console/mail", mails.show_mails),
    get("/console/audit", audit.show_audit),
    get("/console/clients", clients.show_clients),
    get("/console/clients/new", clients.choose_type, right=CHANGE),
    get("/console/clients/new/{type}", clients.show_details, right=CHANGE, recently=True),
    post("/console/clients/new/{type}", clients.create),
    get("/console/activity", activity.find_request),
    get(_ONE, client.show_client),
    post(_ONE, client.save),
    post(f"{_ONE}/delete", client.delete, right=MANAGE),
    get(f"{_ONE}/quickstart", quickstart.show_quickstart),
    get(f"{_ONE}/quickstart/env", quickstart.download_env),
    get(f"{_ONE}/quickstart/postman", quickstart.download_collection),
    get(f"{_ONE}/credentials", credentials.show_credentials),
    post(f"{_ONE}/secrets/add", credentials.add),
    post(f"{_ONE}/secrets/reset", credentials.reset),
    post(f"{_ONE}/secrets/revoke", credentials.revoke),
    get(f"{_ONE}/code", codes.show_code_form, right=CHANGE, recently=True),
    post(f"{_ONE}/code", codes.generate),
    post(f"{_ONE}/code/exchange", exchange.exchange_code),
    get(f"{_ONE}/activity", activity.show_activity),
)

ROUTES = tuple(page.route() for page in PAGES)
