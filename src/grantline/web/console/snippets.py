"""What Quickstart shows: programs that run as they stand, with the values of one client in them.

The texts are next door in `snippet_texts/`, one for each flow and language. Each value is written as a
literal of its language: a redirect URI may hold what a shell or a browser would take for code.
"""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from grantline.clients import Client
from grantline.scopes import Catalog
from grantline.web.browser_sdk import BrowserFile

LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {"curl": "curl", "python": "Python", "javascript": "JavaScript", "postman": "Postman"}
)
FLOWS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "server-based": "redirect",
        "client-based": "redirect",
        "self-client": "code",
        "non-browser": "device",
        "mobile": "redirect",
    }
)
_VARIABLES: Final = "GRANTLINE_"
SECRET_VARIABLE: Final = f"{_VARIABLES}CLIENT_SECRET"  # its name, not its value
_TEXTS: Final = Path(__file__).parent / "snippet_texts"
_CRM: Final = "CRM.modules."
_CRM_CALL: Final = ("api_domain", "/crm/v8/Leads?fields=Last_Name")


class _Text(Template):
    """`@name` stands for a value: shells and JavaScript have other uses for the dollar sign."""

    delimiter = "@"


def scope_to_ask(client: Client) -> str:
    """The scopes that the app says it asks for, else few that show that it works."""
    if client.scopes:
        return " ".join(client.scopes)
    if client.type.name == "self-client":
        return "AaaServer.profile.READ"
    return "openid email"


def first_call(scope: str, catalog: Catalog, api_domain: str) -> tuple[str, str]:
    """An API call that these scopes allow: `issuer` or `api_domain`, and the path there."""
    names = [found.name for word in scope.split() if (found := catalog.find(word))]
    if "openid" in names:
        return "issuer", "/oauth/v2/userinfo"
    if any(name.startswith("AaaServer.profile.") for name in names):
        return "issuer", "/oauth/user/info"
    leads = any(name.startswith(_CRM) and name.endswith((".READ", ".ALL")) for name in names)
    return _CRM_CALL if leads and api_domain in catalog.audience(names) else ("api_domain", "/")


def authorization_url(client: Client, issuer: str, scope: str, redirect_uri: str) -> str:
    """The address that people are sent to; `state` and `code_challenge` are added at each run."""
    question = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": redirect_uri,
        "scope": scope,
        "access_type": "offline",
        "code_challenge_method": "S256",
    }
    return f"{issuer}/oauth/v2/auth?{urlencode(question)}"


def render_snippet(
    client: Client,
    language: str,
    *,
    issuer: str,
    scope: str,
    redirect_uri: str,
    call: tuple[str, str],
    module: BrowserFile,
) -> str:
    """The program in one of LANGUAGES but Postman; `module` is what a page loads."""
    flow, write_call = FLOWS[client.type.name], _CALLS[language]
    if client.type.name == "client-based" and language == "javascript":
        flow, write_call = "page", _page_call
    text = (_TEXTS / f"{flow}.{language}.txt").read_text()
    if client.type.public:
        kept = [line for line in text.splitlines(keepends=True) if SECRET_VARIABLE not in line]
        text = "".join(kept).replace(" os, ", " ")
    write = _WRITERS[language]
    return _Text(text).substitute(
        issuer=write(issuer),
        client_id=write(client.id),
        redirect_uri=write(redirect_uri),
        scope=write(scope),
        scope_words=" ".join(scope.split()),  # it stands in a comment, which ends with its line
        authorize=write(authorization_url(client, issuer, scope, redirect_uri)),
        call=write_call(call),
        module=write(issuer + module.pinned),
        integrity=write(module.integrity),
    )


def app_values(
    client: Client, issuer: str, scope: str, secret: str | None, redirect_uri: str = ""
) -> Mapping[str, str]:
    """What an app must know, by the names that the client library reads; an unknown secret is empty."""
    values = {"issuer": issuer, "client_id": client.id}
    if client.type.secret != "none":
        values["client_secret"] = secret or ""
    redirect_uri = redirect_uri or next(iter(client.redirect_uris), "")
    if redirect_uri:
        values["redirect_uri"] = redirect_uri
    return {**values, "scope": scope}


def env_file(values: Mapping[str, str]) -> str:
    """The values as a `.env` file."""
    lines = (
        f"{_VARIABLES}{name.upper()}={shlex.quote(value) if value else ''}\n"
        for name, value in values.items()
    )
    return "".join(lines)


def json_file(values: Mapping[str, str]) -> str:
    """The values as the file that the client library reads; what is unknown is left out."""
    return json.dumps({name: value for name, value in values.items() if value}, indent=2) + "\n"


def _literal(value: str) -> str:
    """A string of Python and of JavaScript, also inside a page: `<` could end its script."""
    return json.dumps(value).replace("<", "\\u003c")


def _shell_call(call: tuple[str, str]) -> str:
    base, path = call
    return ("$ISSUER" if base == "issuer" else "$(member api_domain)") + path


def _python_call(call: tuple[str, str]) -> str:
    base, path = call
    return f'issuer + "{path}"' if base == "issuer" else f'tokens["api_domain"] + "{path}"'


def _javascript_call(call: tuple[str, str]) -> str:
    base, path = call
    return f'issuer + "{path}"' if base == "issuer" else f'tokens.api_domain + "{path}"'


def _page_call(call: tuple[str, str]) -> str:
    base, path = call
    return f'issuer + "{path}"' if base == "issuer" else f'gl.apiDomain + "{path}"'


_WRITERS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {"curl": shlex.quote, "python": _literal, "javascript": _literal}
)
_CALLS: Final[Mapping[str, Callable[[tuple[str, str]], str]]] = MappingProxyType(
    {"curl": _shell_call, "python": _python_call, "javascript": _javascript_call}
)


def redirect_uri_of(client: Client, chosen: str) -> str:
    """The registered redirect URI that was chosen, else the first; empty for a type without."""
    uris: Sequence[str] = client.redirect_uris
    return chosen if chosen in uris else next(iter(uris), "")
