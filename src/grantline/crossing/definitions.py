"""A definition of an app on the wire: written at its home, and read, checked and taken elsewhere (T109).

It is the whole app as it is, with its version: what was lost, repeated or overtaken on the way changes
nothing about where both sides end. The receiver trusts nothing but the signature: a sender speaks for ids of
its own code alone, the rules of registration are run again, versions only rise, and what was deleted stays
deleted.

Nothing of people crosses: no owner, no workspace, nobody who made a secret. Of secrets the hashes do.
"""

import hashlib
import hmac
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from grantline.audit import record_event
from grantline.clients import (
    ANOTHER,
    CLIENT_TYPES,
    DELETED,
    RULES,
    STALE,
    STATES,
    TYPE,
    ClientSecret,
    Definition,
    Import,
    Logo,
    LogoRefused,
    Registration,
    RegistrationRefused,
    check_registration,
    hold_import,
    read_logo,
    store_import,
)
from grantline.datacenters import Message, MessageRefused
from grantline.db import Transaction
from grantline.opaque import CLIENT_ID, recognise
from grantline.tokens import Mint

KIND: Final = "client"
MOST_SECRETS: Final = 8
LARGEST_VERSION: Final = 2**53
LATEST: Final = 2**40
_TEXTS: Final = ("name", "homepage_url", "policy_url", "terms_url")
_LISTS: Final = (
    "redirect_uris",
    "origins",
    "post_logout_redirect_uris",
    "app_scopes",
    "data_centers",
    "scopes",
)
_SWITCHES: Final = ("implicit", "vendor_compatible")
_INSTANTS: Final = ("handed_over_at", "created_at", "updated_at")
_SECRET_ID: Final = re.compile(r"sec_[0-9a-f]{12}")
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_CODE: Final = re.compile(r"[a-z]{2,4}")
_MOST_ENTRIES: Final = 200
_LONGEST: Final = 4000


def render_definition(definition: Definition) -> Mapping[str, Any]:
    """The body of the message: the same for the same version."""
    head = {
        "id": definition.id,
        "type": definition.type.name,
        "state": definition.state,
        "version": definition.version,
    }
    if not definition.is_whole:
        return {"client": head}
    said, logo = definition.registration, definition.logo
    return {
        "client": {
            **head,
            **{name: getattr(said, name) for name in (*_TEXTS, *_SWITCHES)},
            **{name: list(getattr(said, name)) for name in _LISTS},
            **{name: getattr(definition, name) for name in _INSTANTS},
            "secrets": [
                [one.id, one.hash.hex(), one.created_at, one.expires_at]
                for one in definition.secrets
                if one.revoked_at is None and _SECRET_ID.fullmatch(one.id)
            ],
            "logo": b64encode(logo.content).decode() if logo is not None else None,
        }
    }


def read_definition(body: Mapping[str, Any], sender: str) -> Definition:
    """The definition in the body of a message. Raises MessageRefused: it is none, or is about an app that is
    not the sender's. The rules of registration are not run yet."""
    said = body.get("client")
    if not isinstance(said, dict):
        raise MessageRefused("no client", sender)
    recognised = recognise(said["id"]) if isinstance(said.get("id"), str) else None
    if recognised is None or recognised.kind != CLIENT_ID:
        raise MessageRefused("no client id", sender)
    if recognised.data_center != sender:
        raise MessageRefused("a client of another data center", sender)
    try:
        return _read(said)
    except (KeyError, TypeError, ValueError):
        raise MessageRefused("not a definition", sender) from None


def _read(said: Mapping[str, Any]) -> Definition:
    """Raises KeyError, TypeError, ValueError."""
    kind = CLIENT_TYPES[_text(said["type"])]
    state = _text(said["state"])
    version = _number(said["version"], LARGEST_VERSION)
    if state not in STATES or not kind.crosses or version < 1:
        raise ValueError(state)
    if state not in ("enabled", "disabled"):
        return Definition(said["id"], kind, state, version)
    secrets = tuple(_secret(one) for one in _list(said["secrets"], MOST_SECRETS))
    if (kind.secret == "none" and secrets) or len({one.id for one in secrets}) != len(secrets):
        raise ValueError("secrets")
    texts: dict[str, Any] = {name: _text(said[name]) for name in _TEXTS}
    lists: dict[str, Any] = {
        name: tuple(_text(one) for one in _list(said[name], _MOST_ENTRIES)) for name in _LISTS
    }
    if not all(_CODE.fullmatch(code) for code in lists["data_centers"]):
        raise ValueError("data_centers")
    switches: dict[str, Any] = {name: _switch(said[name]) for name in _SWITCHES}
    instants = {name: _number(said[name], LATEST) for name in _INSTANTS}
    return Definition(
        said["id"],
        kind,
        state,
        version,
        registration=Registration(**texts, **lists, **switches),
        secrets=secrets,
        logo=_logo(said["logo"]),
        **instants,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST or "\0" in value:
        raise TypeError("text")
    value.encode()  # half a surrogate pair has no place in a database
    return value


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise TypeError("list")
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("switch")
    return value


def _number(value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise TypeError("number")
    return value


def _secret(value: Any) -> ClientSecret:
    id, hashed, created_at, expires_at = _list(value, 4)
    if not _SECRET_ID.fullmatch(_text(id)) or not _HASH.fullmatch(_text(hashed)):
        raise ValueError("secret")
    end = None if expires_at is None else _number(expires_at, LATEST)
    return ClientSecret(id, bytes.fromhex(hashed), _number(created_at, LATEST), expires_at=end)


def _logo(value: Any) -> Logo | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError("logo")
    try:
        return read_logo(b64decode(value, validate=True))
    except LogoRefused as refused:
        raise ValueError(str(refused)) from None


async def take_definition(mint: Mint, tx: Transaction, message: Message, now: int) -> Mapping[str, Any]:
    """Make the app here what its home says that it is. The answer has the version that is here now, and with
    `refused` why that is not the one that was sent."""
    definition = read_definition(message.body, message.sender.code)
    if definition.is_whole:
        try:
            checked = check_registration(definition.type, definition.registration)
            definition = replace(definition, registration=checked)
        except RegistrationRefused as problem:
            fields = sorted({one.field for one in problem.problems})
            return await _refuse(tx, message, definition, RULES, 0, now, fields=fields)
    held = await hold_import(tx, definition, message.sender.code, now)
    digest = _digest(message.body["client"])
    reason = _reason(held, definition, digest)
    if reason:
        return await _refuse(tx, message, definition, reason, held.version, now)
    if definition.version > held.version:
        await store_import(tx, held, definition, digest, now)
        detail = {"sender": message.sender.code, "version": definition.version, "state": definition.state}
        await record_event(tx, "client.imported", now=now, client_id=definition.id, detail=detail)
    return {"version": definition.version}


def _digest(said: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _reason(held: Import, definition: Definition, digest: str) -> str:
    """Why this definition must not take the place of what is here; empty when it may, or is the same."""
    if held.state == "deleted" and definition.state != "deleted":
        return DELETED
    if definition.version < held.version:
        return STALE
    if definition.version == held.version:
        return "" if hmac.compare_digest(held.digest, digest) else ANOTHER
    if held.name and held.type_name != definition.type.name:
        return TYPE
    return ""


async def _refuse(
    tx: Transaction,
    message: Message,
    definition: Definition,
    reason: str,
    version: int,
    now: int,
    *,
    fields: list[str] | None = None,
) -> Mapping[str, Any]:
    detail: dict[str, object] = {
        "sender": message.sender.code,
        "version": definition.version,
        "present": version,
        "reason": reason,
    }
    if fields:
        detail["fields"] = fields
    await record_event(tx, "client.import_refused", now=now, client_id=definition.id, detail=detail)
    return {"version": version, "refused": reason}
