"""The page that shows a secret once: of a new client, or a new secret of an old one (R35–R38, T6)."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from grantline.clients import Client
from grantline.datacenters import DataCenter
from grantline.web.console.place import Place
from grantline.web.console.snippets import app_values, env_file, json_file, scope_to_ask
from grantline.web.console.type_words import TYPE_WORDS, no_secret
from grantline.web.languages import _
from grantline.web.visit import Visit


def credentials_page(
    visit: Visit,
    place: Place,
    client: Client,
    *,
    secret: str | None,
    secret_id: str,
    is_new: bool,
    ended: bool = False,
    center: DataCenter | None = None,
    reach: Mapping[str, Any] | None = None,
) -> Response:
    """The client ID and, if there is one, the new secret. `ended`: every other secret stopped working;
    `center`: where alone it works, if not at home; `reach`: how far it has got elsewhere."""
    path, home = f"/console/clients/{client.id}", center or visit.server.mint.home
    scope = scope_to_ask(client)
    values = app_values(client, home.issuer, scope, secret)
    generates = client.type.name == "self-client" and place.account.id == client.owner_account_id
    return visit.render(
        "console/created.html",
        **place.at(client, place.membership.role).frame(visit),
        secret={"id": secret_id, "value": secret} if secret is not None else None,
        env=env_file(values) if secret is not None else "",
        json=json_file(values) if secret is not None else "",
        center=center.name if center is not None else "",
        reach=reach,
        is_new=is_new,
        ended=ended,
        missing=None if secret is not None else _missing(client),
        generate={"token": visit.form_token(f"code:{client.id}"), "scope": scope} if generates else None,
        next_step={
            "sentence": _(TYPE_WORDS[client.type.name].next_sentence).format(issuer=home.issuer),
            "words": _("Go to quickstart"),
            "href": f"{path}/quickstart",
        },
    )


def _missing(client: Client) -> dict[str, str]:
    """Why there is no secret on the page."""
    if client.secrets:
        return {
            "title": _("Its secret was shown before"),
            "sentence": _(
                "This client exists already. If nobody kept the secret, add another: nothing breaks."
            ),
        }
    return {"title": _("This type has no secret"), "sentence": _(no_secret(client.type))}
