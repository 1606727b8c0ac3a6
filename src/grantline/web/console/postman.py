"""A Postman collection (format 2.1) with the requests of one client: the values are its variables, and the
secret is empty."""

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from grantline.clients import Client
from grantline.web.console.snippets import FLOWS, authorization_url

SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_KEEP: Final = (
    "const answer = pm.response.json();",
    "for (const name of ['access_token', 'refresh_token', 'api_domain', 'device_code', 'user_code',"
    " 'verification_uri']) {",
    "  if (answer[name]) pm.collectionVariables.set(name, answer[name]);",
    "}",
)
"""What runs after an answer: the tokens become variables for the next request."""


def render_collection(
    client: Client, *, issuer: str, scope: str, redirect_uri: str, call: tuple[str, str]
) -> dict[str, Any]:
    """The collection, with a PKCE pair of its own where people are asked."""
    flow = FLOWS[client.type.name]
    variables = {"issuer": issuer, "client_id": client.id, "scope": scope}
    if not client.type.public:
        variables["client_secret"] = ""
    items: list[dict[str, Any]] = []
    about = "Send the requests from top to bottom."
    if flow == "device":
        items.append(_post("Ask for a code", "/oauth/v3/device/code", client, {"scope": "{{scope}}"}))
        exchange = {"grant_type": _DEVICE_GRANT, "device_code": "{{device_code}}"}
        about = "Send the first request, open verification_uri, enter user_code, allow it, and go on."
    else:
        exchange = {"grant_type": "authorization_code", "code": "{{code}}"}
        variables["code"] = ""
        about = "Generate a code in the console, put it into the variable code, and send the requests."
    if flow == "redirect":
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        variables |= {"redirect_uri": redirect_uri, "code_verifier": verifier}
        exchange |= {"redirect_uri": "{{redirect_uri}}", "code_verifier": "{{code_verifier}}"}
        address = authorization_url(client, issuer, scope, redirect_uri)
        about = (
            "Open the address below in a browser and allow it. Copy code out of the address where the browser"
            " ends into the variable code, and send the requests. The PKCE pair is for trying things out: an"
            f" app makes a new one for each person.\n\n{address}&state=postman&code_challenge={challenge}"
        )
    items.append(_post("Exchange the code", "/oauth/v2/token", client, exchange))
    items.append(_call(call))
    refresh = {"grant_type": "refresh_token", "refresh_token": "{{refresh_token}}"}
    items.append(_post("Refresh", "/oauth/v2/token", client, refresh))
    if not client.type.public:
        about += " The secret goes into the variable client_secret, and stays out of what you share."
    return {
        "info": {"name": f"{client.name} at {issuer}", "description": about, "schema": SCHEMA},
        "item": items,
        "variable": [{"key": name, "value": value} for name, value in variables.items()],
    }


def _post(name: str, path: str, client: Client, fields: Mapping[str, str]) -> dict[str, Any]:
    sent = {**fields, "client_id": "{{client_id}}"}
    if not client.type.public:
        sent["client_secret"] = "{{client_secret}}"
    body = [{"key": key, "value": value, "type": "text"} for key, value in sent.items()]
    return {
        "name": name,
        "event": [{"listen": "test", "script": {"type": "text/javascript", "exec": list(_KEEP)}}],
        "request": {
            "method": "POST",
            "header": [],
            "body": {"mode": "urlencoded", "urlencoded": body},
            "url": _url("issuer", path),
        },
    }


def _call(call: tuple[str, str]) -> dict[str, Any]:
    header = {"key": "Authorization", "value": "Bearer {{access_token}}"}
    return {
        "name": "Call the API",
        "request": {"method": "GET", "header": [header], "url": _url(*call)},
    }


def _url(base: str, path: str) -> dict[str, Any]:
    place, _, query = path.partition("?")
    pairs: Sequence[tuple[str, str, str]] = [one.partition("=") for one in query.split("&") if one]
    return {
        "raw": f"{{{{{base}}}}}{path}",
        "host": [f"{{{{{base}}}}}"],
        "path": place.strip("/").split("/"),
        **({"query": [{"key": key, "value": value} for key, _sign, value in pairs]} if query else {}),
    }
