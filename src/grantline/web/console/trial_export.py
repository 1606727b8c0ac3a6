"""A trial run as a shell script: the same requests by curl, with variables for what is secret."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from grantline.clients import Client
from grantline.web.console.trials import Step

_TAKES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "exchange": ("access_token", "refresh_token"),
        "poll": ("access_token", "refresh_token"),
        "refresh": ("access_token", "refresh_token"),
        "device": ("device_code", "user_code", "verification_uri"),
    }
)
"""Members of an answer that later requests need."""
_HEAD: Final = """#!/bin/sh
# {title}
set -eu
ISSUER={issuer}
CLIENT_ID={client_id}
# The member of a JSON answer, or what was there before.
member() {{
  found=$(printf '%s' "$ANSWER" | sed -n "s/.*\\"$1\\": *\\"\\([^\\"]*\\)\\".*/\\1/p")
  printf '%s' "${{found:-$2}}"
}}
ACCESS_TOKEN='' REFRESH_TOKEN='' DEVICE_CODE='' USER_CODE='' VERIFICATION_URI=''
"""


def render_script(client: Client, steps: Sequence[Step], *, issuer: str, title: str) -> str:
    """The script. It names the app itself, not the copy of it that the run used."""
    lines = [_HEAD.format(title=title, issuer=shlex.quote(issuer), client_id=shlex.quote(client.id))]
    if any(["client_secret", "$CLIENT_SECRET"] in step.fields for step in steps):
        lines.append(': "${CLIENT_SECRET:?Put the client secret into CLIENT_SECRET first.}"')
    if client.redirect_uris:
        lines.append(f"REDIRECT_URI={shlex.quote(client.redirect_uris[0])}")
        lines.append("CODE_VERIFIER=$(openssl rand -hex 32)")
        lines.append(
            "CODE_CHALLENGE=$(printf '%s' \"$CODE_VERIFIER\" | openssl dgst -sha256 -binary"
            " | openssl base64 -A | tr '+/' '-_' | tr -d '=')"
        )
    callback = client.redirect_uris[0] if client.redirect_uris else ""
    for step in steps:
        own = [[name, client.origins[0] if name == "Origin" else value] for name, value in step.headers]
        lines += ["", *_step(replace(step, headers=own), issuer, callback)]
    return "\n".join(lines) + "\n"


def _step(step: Step, issuer: str, callback: str) -> list[str]:
    if step.kind == "authorize":
        fields = [(name, callback if name == "redirect_uri" else value) for name, value in step.fields]
        query = "&".join(f"{name}={_in_address(name, value)}" for name, value in fields)
        return [
            "# Open this address in a browser, allow it, and copy the code out of where it leads.",
            "STATE=$(openssl rand -hex 16)",
            f"printf '%s\\n' \"$ISSUER/oauth/v2/auth?{query}\"",
            "printf 'Code: '; read -r CODE",
        ]
    if step.kind == "code":
        return ["# Generate a code in the console.", "printf 'Code: '; read -r CODE"]
    lines = [f"# {step.kind}"]
    if step.kind == "poll":
        lines.append("printf 'Allow it, then press Enter: '; read -r _")
    call = ["ANSWER=$(curl -sS"]
    call += [f"  -H {shlex.quote(': '.join(header))}" for header in step.headers if "$" not in header[1]]
    call += [f'  -H "{header[0]}: {header[1]}"' for header in step.headers if "$" in header[1]]
    call += [f"  --data-urlencode {_argument(name, value)}" for name, value in step.fields]
    address = step.url.replace(issuer, "$ISSUER", 1) if step.url.startswith(f"{issuer}/") else step.url
    call.append(f'  "{address}")' if address.startswith("$ISSUER") else f"  {shlex.quote(address)})")
    lines += [" \\\n".join(call), "printf '%s\\n' \"$ANSWER\""]
    lines += [f'{name.upper()}=$(member {name} "${name.upper()}")' for name in _TAKES.get(step.kind, ())]
    if step.kind == "device":
        lines.append('printf \'Enter %s at %s\\n\' "$USER_CODE" "$VERIFICATION_URI"')
    return lines


_OWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "client_id": "$CLIENT_ID",
        "redirect_uri": "$REDIRECT_URI",
        "code_challenge": "$CODE_CHALLENGE",
        "state": "$STATE",
    }
)
"""What each run has of its own."""
_VARIABLES: Final = frozenset(
    {"$CLIENT_SECRET", "$CODE", "$CODE_VERIFIER", "$DEVICE_CODE", "$ACCESS_TOKEN", "$REFRESH_TOKEN"}
)


def _argument(name: str, value: str) -> str:
    """One parameter for curl. Nothing but our own variables is ever expanded."""
    if name in _OWN or value in _VARIABLES:
        return f'"{name}={_OWN.get(name, value)}"'
    return shlex.quote(f"{name}={value}")


def _in_address(name: str, value: str) -> str:
    """One value of a query; a redirect URI is a constant there, since it must be encoded."""
    if name in _OWN and name != "redirect_uri":
        return _OWN[name]
    return quote(value, safe="")
