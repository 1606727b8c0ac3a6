"""Credentials: the page that shows a secret once, and adding, resetting and revoking them (R35–R39, T6)."""

from typing import Final

from starlette.responses import Response

from grantline.clients import Client, SecretRefused, add_secret, reset_secrets, revoke_secret
from grantline.limits import Limit
from grantline.web.console.changes import record_change
from grantline.web.console.client import details_page
from grantline.web.console.confirm import PASSWORD, confirm
from grantline.web.console.entrance import check_limit
from grantline.web.console.place import Place
from grantline.web.console.type_words import TYPE_WORDS, no_secret
from grantline.web.visit import Visit

RESETS: Final = Limit("secret-reset", 5, 3600)


def credentials_page(
    visit: Visit,
    place: Place,
    client: Client,
    *,
    secret: str | None,
    secret_id: str,
    is_new: bool,
    ended: bool = False,
) -> Response:
    """The client ID and, if there is one, the new secret. `ended`: every other secret stopped working."""
    path = f"/console/clients/{client.id}"
    self_client = client.type.name == "self-client"
    return visit.render(
        "console/created.html",
        **place.at(client, place.membership.role).frame(visit),
        secret={"id": secret_id, "value": secret} if secret is not None else None,
        is_new=is_new,
        ended=ended,
        missing=None if secret is not None else _missing(client),
        next_step={
            "sentence": TYPE_WORDS[client.type.name].next_sentence.format(issuer=visit.server.issuer),
            "words": "Generate code" if self_client else f"Open {client.name}",
            "href": f"{path}/code" if self_client else path,
        },
    )


def _missing(client: Client) -> dict[str, str]:
    """Why there is no secret on the page."""
    if client.secrets:
        title = "Its secret was shown before"
        return {
            "title": title,
            "sentence": "This client exists already. If nobody kept the secret, add another: nothing breaks.",
        }
    return {"title": "This type has no secret", "sentence": no_secret(client.type)}


async def add(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/secrets/add: a second secret beside the one in use."""
    return await _new_secret(visit, place, client, reset=False)


async def reset(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/secrets/reset: one new secret, and none of the others."""
    return await _new_secret(visit, place, client, reset=True)


async def _new_secret(visit: Visit, place: Place, client: Client, *, reset: bool) -> Response:
    form = await visit.form(f"secrets:{client.id}", fields=frozenset({PASSWORD}))
    if asked_again := await confirm(visit, place, form, back=f"/console/clients/{client.id}#secrets"):
        return asked_again
    if reset:
        check_limit(visit, RESETS, client.id)
    change = reset_secrets if reset else add_secret
    try:
        value, secret = await change(visit.server.db, client, visit.server.code, visit.now)
    except SecretRefused as refused:
        return details_page(visit, place, client, secret_problem=str(refused))
    await record_change(
        visit.server.db,
        visit,
        place,
        "secret.reset" if reset else "secret.added",
        client=client,
        before={"secret_ids": [known.id for known in client.live_secrets(visit.now)]} if reset else None,
        after={"secret_ids": [secret.id]},
    )
    return credentials_page(
        visit, place, client, secret=value, secret_id=secret.id, is_new=False, ended=reset
    )


async def revoke(visit: Visit, place: Place, client: Client) -> Response:
    """POST …/secrets/revoke: one secret ends."""
    form = await visit.form(f"secrets:{client.id}", fields=frozenset({"secret_id", PASSWORD}))
    if asked_again := await confirm(visit, place, form, back=f"/console/clients/{client.id}#secrets"):
        return asked_again
    secret_id = form.get("secret_id", "")
    try:
        await revoke_secret(visit.server.db, client, secret_id, visit.now)
    except SecretRefused as refused:
        return details_page(visit, place, client, secret_problem=str(refused))
    await record_change(
        visit.server.db, visit, place, "secret.revoked", client=client, before={"secret_ids": [secret_id]}
    )
    return visit.redirect(f"/console/clients/{client.id}?done=revoked")
