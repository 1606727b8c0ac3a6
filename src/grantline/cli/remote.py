"""The console's API of a server, for commands with --server. The token comes by the environment or standard
input, never as an argument (T122)."""

import ipaddress
import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from grantline.cli.running import CommandFailed

VARIABLE: Final = "GRANTLINE_TOKEN"
ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server", help=f"Address of a server, in the place of a database; the token is in {VARIABLE}."
    ),
]
TokenOption = Annotated[
    bool, typer.Option("--token-stdin", help="Read the personal access token from standard input.")
]
_SECONDS: Final = 30


class Remote:
    """One server, and a personal access token for it."""

    def __init__(self, server: str, value: str) -> None:
        self._root = f"{server.rstrip('/')}/console/api/v1"
        self._headers = {"Authorization": f"Bearer {value}"}

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
        text: str = "",
    ) -> Any:
        """What the call answers: members, or a text. Raises CommandFailed with the server's own sentences."""
        import httpx2  # commands on a database don't need it

        given: dict[str, Any] = {"json": members} if members is not None else {}
        if text:
            given["content"] = text.encode()
        try:
            with httpx2.Client(timeout=_SECONDS, follow_redirects=False, trust_env=False) as http:
                answer = http.request(
                    method, f"{self._root}{path}", params=params, headers=self._headers, **given
                )
        except httpx2.HTTPError as problem:
            raise CommandFailed(f"The server can't be reached: {type(problem).__name__}.") from None
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if kind == "application/problem+json":
            raise CommandFailed(_sentences(answer.json()))
        if not 200 <= answer.status_code < 300:
            raise CommandFailed(
                f"This is no Grantline console: it answered with status {answer.status_code}."
            )
        return answer.json() if kind == "application/json" else answer.text


def _sentences(problem: Mapping[str, Any]) -> str:
    """A refusal as lines: each field, else what is so and what to do."""
    lines = [
        f"{one['field']}: {one['sentence']}" + (f" ({one['value']})" if one.get("value") else "")
        for one in problem.get("problems", [])
    ]
    needed = f" Needed: {problem['needed']}." if problem.get("needed") else ""
    return "\n".join(lines) or f"{problem['detail']}{needed} {problem['fix']}"


def open_remote(server: str, from_stdin: bool) -> Remote:
    """The server, over TLS unless it is this machine. Raises CommandFailed."""
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise CommandFailed("Name the server by its address alone, such as https://accounts.example.com.")
    if parts.scheme == "http" and not _is_here(parts.hostname):
        raise CommandFailed("Without TLS anyone on the way could read the token. Use https.")
    value = sys.stdin.readline().strip() if from_stdin else os.environ.get(VARIABLE, "").strip()
    if not value:
        raise CommandFailed(f"Put a personal access token into {VARIABLE}, or give --token-stdin.")
    return Remote(server, value)


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
