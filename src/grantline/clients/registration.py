"""Registering and editing apps: one door for the console and the command line, with the fields that each type
may set (T4)."""

import json
import re
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from grantline.clients.client import Client, ClientSecret, find_client, find_self_client, render_secrets
from grantline.clients.client_secrets import mint_secret
from grantline.clients.client_types import CLIENT_TYPES, ClientType
from grantline.db import Database, Transaction, UniqueViolation
from grantline.oauth.redirect_uri import RedirectKind, RedirectUriProblem, check_origin, check_redirect_uri
from grantline.opaque import CLIENT_ID, mint

MOST_ADDRESSES: Final = 50
_NAME: Final = re.compile(r"[\w .&-]{2,60}")
_URL_TEXT: Final = re.compile(r"[!#-;=?-\[\]_a-z~%]{1,2000}")
_LOOK_ALIKES: Final = str.maketrans(
    {
        **dict.fromkeys("1iıɩɪɨłƚǀ", "l"),
        **dict.fromkeys("0ø", "o"),
        **dict.fromkeys("ɡɢ", "g"),
        **dict.fromkeys("ᴛŧ", "t"),
        "5": "s",
        "ʀ": "r",
        "ᴀ": "a",
        "ɴ": "n",
        "ʟ": "l",
        "ᴇ": "e",
    }
)


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing to mend: the field as the form names it, what is wrong, and what to do."""

    field: str
    sentence: str
    value: str = ""


class RegistrationRefused(ValueError):
    """The registration has problems; nothing was changed."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__("; ".join(problem.sentence for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Registration:
    """What may be set from outside, at creation and later. A field that its type has no use for must stay
    empty."""

    name: str
    homepage_url: str = ""
    redirect_uris: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    app_scopes: tuple[str, ...] = ()
    data_centers: tuple[str, ...] = ()
    implicit: bool = False
    vendor_compatible: bool = False
    legacy_secret: bool = field(default=False)
    """Mobile alone: also issue a secret, for apps that can't do without."""


def check_name(name: str) -> str:
    """The name in its stored form (NFC). Raises ValueError with a sentence (T3)."""
    name = unicodedata.normalize("NFC", name).strip()
    if not _NAME.fullmatch(name) or "  " in name:
        raise ValueError("Use 2 to 60 letters, digits, spaces and the signs _ & - .")
    for word in re.split(r"[ _&.-]+", name):
        scripts = {unicodedata.name(letter, "?").split(" ")[0] for letter in word if letter.isalpha()}
        if len(scripts) > 1:
            raise ValueError("One word mixes letters of several scripts, which people can't tell apart.")
    if unicodedata.normalize("NFKC", name) != name:
        raise ValueError("The name has letters in an unusual form. Type it with the plain ones.")
    if _skeleton("grantline") in _skeleton(name):
        raise ValueError("This name looks like Grantline's own. Choose a name that is yours.")
    return name


def _skeleton(name: str) -> str:
    """What is left of a name at a glance: no accents, no signs, one letter for those that look alike."""
    plain = (
        letter
        for letter in unicodedata.normalize("NFKD", name.casefold()).translate(_LOOK_ALIKES)
        if letter.isalnum()
    )
    return "".join(plain)


def _check_url(value: str) -> None:
    # The raw text first: the parser passes over tabs and line breaks without a word (T2).
    parts = urlsplit(value) if _URL_TEXT.fullmatch(value) else urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("Use a full address such as https://example.com.")


def check_registration(kind: ClientType, asked: Registration) -> Registration:
    """The registration in its stored form. Raises RegistrationRefused naming every field that must change."""
    problems: list[FieldProblem] = []

    def try_field(name: str, value: str, check: Callable[[str], object]) -> None:
        try:
            check(value)
        except RedirectUriProblem as problem:
            problems.append(FieldProblem(name, f"{problem.sentence} {problem.fix}", value))
        except ValueError as problem:
            problems.append(FieldProblem(name, str(problem), value))

    try_field("name", asked.name, check_name)
    if asked.homepage_url:
        try_field("homepage_url", asked.homepage_url, _check_url)
    native = kind.redirect_uris == "native"
    uri_kind = RedirectKind.NATIVE if native else RedirectKind.WEB
    for uri in asked.redirect_uris:
        try_field("redirect_uris", uri, lambda value: check_redirect_uri(value, kind=uri_kind))
    for uri in asked.post_logout_redirect_uris:
        try_field("post_logout_redirect_uris", uri, lambda value: check_redirect_uri(value, kind=uri_kind))
    for origin in asked.origins:
        try_field("origins", origin, check_origin)
    for name in ("redirect_uris", "origins", "post_logout_redirect_uris"):
        values: tuple[str, ...] = getattr(asked, name)
        if len(values) > MOST_ADDRESSES:
            problems.append(FieldProblem(name, f"At most {MOST_ADDRESSES} lines."))
        if len(set(values)) != len(values):
            problems.append(FieldProblem(name, "One line stands here twice."))
    problems += _misfits(kind, asked)
    if problems:
        raise RegistrationRefused(problems)
    return replace(asked, name=check_name(asked.name))


def _misfits(kind: ClientType, asked: Registration) -> list[FieldProblem]:
    """What the type needs and lacks, or has no use for."""
    problems = []
    if kind.redirect_uris == "none" and (asked.redirect_uris or asked.post_logout_redirect_uris):
        problems.append(FieldProblem("redirect_uris", f"{kind.title} apps have no redirect URI."))
    if kind.redirect_uris != "none" and not asked.redirect_uris:
        problems.append(FieldProblem("redirect_uris", "Add at least one redirect URI."))
    if kind.origins and not asked.origins:
        problems.append(
            FieldProblem(
                "origins", "Add the origin that the app is served from, such as https://app.example.com."
            )
        )
    if not kind.origins and asked.origins:
        problems.append(FieldProblem("origins", f"{kind.title} apps have no JavaScript origins."))
    if kind.origins and asked.origins:
        for uri in asked.redirect_uris:
            if not any(
                uri == origin or uri.startswith((origin + "/", origin + "?")) for origin in asked.origins
            ):
                problems.append(
                    FieldProblem(
                        "redirect_uris", "This redirect URI is on none of the registered origins.", uri
                    )
                )
    if asked.implicit and not kind.may_choose_implicit:
        problems.append(
            FieldProblem("implicit", f"{kind.title} apps can't get tokens straight in the redirect.")
        )
    if asked.app_scopes and "client_credentials" not in kind.grants:
        problems.append(FieldProblem("app_scopes", f"{kind.title} apps get no tokens as the app itself."))
    if asked.legacy_secret and kind.secret != "optional":
        problems.append(FieldProblem("legacy_secret", f"{kind.title} apps have no optional secret."))
    return problems


async def register_client(
    db: Database,
    *,
    type_name: str,
    asked: Registration,
    owner_account_id: int,
    organization_id: int,
    data_center: str,
    now: int,
    creation_key: str | None = None,
) -> tuple[Client, str | None]:
    """A new app and, where its type has one, its secret: the only time that the value is known.

    One self client exists per account and organization: asking again gives it, without a secret. The same
    `creation_key` again
    gives the app that it made, without a secret (R47). Raises RegistrationRefused, KeyError for an unknown
    type.
    """
    kind = CLIENT_TYPES[type_name]
    asked = check_registration(kind, asked)
    if kind.name == "self-client" and (own := await find_self_client(db, owner_account_id, organization_id)):
        return own, None
    secret: tuple[str, ClientSecret] | None = None
    if kind.secret == "required" or (kind.name == "non-browser") or asked.legacy_secret:
        secret = mint_secret(data_center, now)
    client_id = mint(CLIENT_ID, data_center)
    try:
        async with db.transaction() as tx:
            await insert_client(
                tx,
                client_id=client_id,
                kind=kind,
                asked=replace(asked, data_centers=asked.data_centers or (data_center,)),
                secret=secret[1] if secret else None,
                owner_account_id=owner_account_id,
                organization_id=organization_id,
                creation_key=creation_key and f"{owner_account_id}:{creation_key}",
                now=now,
            )
    except UniqueViolation:
        if kind.name == "self-client":
            own = await find_self_client(db, owner_account_id, organization_id)
            if own is not None:
                return own, None  # made by another request since we looked
        row = await db.one(
            "SELECT id FROM clients WHERE creation_key = $1 AND owner_account_id = $2",
            f"{owner_account_id}:{creation_key}",
            owner_account_id,
        )
        if row is None:
            raise
        client_id, secret = row[0], None
    client = await find_client(db, client_id)
    assert client is not None
    return client, secret[0] if secret else None


async def insert_client(
    tx: Transaction,
    *,
    client_id: str,
    kind: ClientType,
    asked: Registration,
    secret: ClientSecret | None,
    owner_account_id: int,
    organization_id: int,
    creation_key: str | None,
    now: int,
) -> None:
    """The rows of a new client, inside the caller's transaction."""
    await tx.run(
        "INSERT INTO clients (id, type, name, homepage_url, owner_account_id, organization_id,"
        " redirect_uris, origins,"
        " post_logout_redirect_uris, app_scopes, data_centers, implicit, vendor_compatible, secrets,"
        " version, creation_key,"
        " created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1,"
        " $15, $16, $16)",
        client_id,
        kind.name,
        asked.name,
        asked.homepage_url,
        owner_account_id,
        organization_id,
        json.dumps(asked.redirect_uris),
        json.dumps(asked.origins),
        json.dumps(asked.post_logout_redirect_uris),
        json.dumps(asked.app_scopes),
        json.dumps(asked.data_centers),
        int(asked.implicit),
        int(asked.vendor_compatible),
        render_secrets([secret] if secret else []),
        creation_key,
        now,
    )
    for origin in asked.origins:
        await tx.run("INSERT INTO client_origins (origin, client_id) VALUES ($1, $2)", origin, client_id)


async def update_client(db: Database, client: Client, asked: Registration, now: int) -> Client:
    """The app with what was asked. A change of name or of a redirect host ends remembered consents (T3, T85).

    Raises RegistrationRefused; LookupError when it was deleted meanwhile.
    """
    asked = check_registration(client.type, asked)
    async with db.transaction() as tx:
        changed = await tx.run(
            "UPDATE clients SET name = $2, homepage_url = $3, redirect_uris = $4, origins = $5,"
            " post_logout_redirect_uris = $6, app_scopes = $7, data_centers = $8, implicit = $9,"
            " vendor_compatible = $10,"
            " version = version + 1, updated_at = $11 WHERE id = $1 AND deleted_at IS NULL",
            client.id,
            asked.name,
            asked.homepage_url,
            json.dumps(asked.redirect_uris),
            json.dumps(asked.origins),
            json.dumps(asked.post_logout_redirect_uris),
            json.dumps(asked.app_scopes),
            json.dumps(asked.data_centers or client.data_centers),
            int(asked.implicit),
            int(asked.vendor_compatible),
            now,
        )
        if not changed:
            raise LookupError(client.id)
        await tx.run("DELETE FROM client_origins WHERE client_id = $1", client.id)
        for origin in asked.origins:
            await tx.run("INSERT INTO client_origins (origin, client_id) VALUES ($1, $2)", origin, client.id)
        if asked.name != client.name:
            await tx.run("UPDATE consents SET redirect_hosts = '[]' WHERE client_id = $1", client.id)
    updated = await find_client(db, client.id)
    assert updated is not None
    return updated


def registration_of(client: Client) -> Registration:
    """What was registered, to change one thing and leave the rest."""
    return Registration(
        name=client.name,
        homepage_url=client.homepage_url,
        redirect_uris=client.redirect_uris,
        origins=client.origins,
        post_logout_redirect_uris=client.post_logout_redirect_uris,
        app_scopes=client.app_scopes,
        data_centers=client.data_centers,
        implicit=client.implicit,
        vendor_compatible=client.vendor_compatible,
    )


async def delete_client(db: Database, client_id: str, now: int) -> bool:
    """Delete the app: with the next request none of its tokens works. False when there is no such app."""
    async with db.transaction() as tx:
        changed = await tx.run(
            "UPDATE clients SET deleted_at = $2, secrets = '[]' WHERE id = $1 AND deleted_at IS NULL",
            client_id,
            now,
        )
        await tx.run("DELETE FROM client_origins WHERE client_id = $1", client_id)
        await tx.run(
            "UPDATE authorizations SET revoked_at = $2, revoked_reason = 'client_deleted'"
            " WHERE client_id = $1 AND revoked_at IS NULL",
            client_id,
            now,
        )
        await tx.run(
            "UPDATE consents SET withdrawn_at = $2 WHERE client_id = $1 AND withdrawn_at IS NULL",
            client_id,
            now,
        )
    return changed == 1


async def set_disabled(db: Database, client_id: str, disabled_at: int | None) -> bool:
    """Disable the app from the next request on (an instant), or enable it again (None)."""
    return await db.run("UPDATE clients SET disabled_at = $2 WHERE id = $1", client_id, disabled_at) == 1


def creation_key() -> str:
    """A new key for a creation form, so that sending it twice makes one app."""
    return secrets.token_urlsafe(16)
