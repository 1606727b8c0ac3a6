"""Every address of a data center, on one screen."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from grantline.activity import STARTED
from grantline.datacenters import ADDRESS, LARGEST_BODY
from grantline.web.browser_sdk import ADDRESS as SDK_ADDRESS
from grantline.web.browser_sdk import BUTTON, MODULE
from grantline.web.call import Answer, Call
from grantline.web.console_api import ADDRESSES, answer_call
from grantline.web.endpoints import device, documents, introspect, messages, revoke, sdk, token, userinfo
from grantline.web.server import Server

MOST_BODY: Final = 64 * 1024
Handler = Callable[[Server, Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Program:
    """An address for programs. `cors`: `none`, `app` (origins that the app registered) or `public` (anyone
    may read)."""

    methods: Mapping[str, Handler]
    cors: str = "none"
    counted: str = ""
    """Under which word an app's successes are counted; those of tokens are counted at their endpoint."""
    most_body: int = MOST_BODY


PROGRAMS: Final = MappingProxyType(
    {
        "/oauth/v2/token": Program({"POST": token.token}, "app"),
        "/oauth/v2/token/revoke": Program({"POST": revoke.revoke}, "app", "revocation"),
        "/oauth/v2/revoke/token": Program({"POST": revoke.revoke}, "app", "revocation"),
        "/oauth/v2/introspect": Program({"POST": introspect.introspect}, counted="introspection"),
        "/oauth/v2/userinfo": Program(
            {"GET": userinfo.userinfo, "POST": userinfo.userinfo}, "app", "userinfo"
        ),
        "/oauth/user/info": Program({"GET": userinfo.user_info}, "app", "userinfo"),
        "/oauth/v2/keys": Program({"GET": documents.keys}, "public"),
        "/oauth/v3/device/code": Program({"POST": device.device_code}, "app", STARTED),
        "/oauth/v3/device/token": Program({"POST": device.device_token}, "app"),
        ADDRESS: Program({"POST": messages.take}, most_body=LARGEST_BODY),
        "/oauth/serverinfo": Program({"GET": documents.serverinfo}, "public"),
        "/.well-known/openid-configuration": Program({"GET": documents.openid_document}, "public"),
        "/.well-known/oauth-authorization-server": Program({"GET": documents.oauth_document}, "public"),
        SDK_ADDRESS + MODULE: Program({"GET": sdk.sdk_file}, "public"),
        SDK_ADDRESS + BUTTON: Program({"GET": sdk.sdk_file}, "public"),
        "/health/live": Program({"GET": documents.live}),
        "/health/ready": Program({"GET": documents.ready}),
        "/metrics": Program({"GET": documents.metrics}),
    }
)

CONSOLE_API: Final = Program(
    MappingProxyType(dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), answer_call))
)
"""Everything below ADDRESSES: the console's API has a table of its own (`console_api/table.py`)."""

SDK_FILES: Final = Program({"GET": sdk.sdk_file}, "public")
"""The same files under the names of their content (`browser_sdk.py`)."""


def find_program(path: str) -> Program | None:
    """The program at this address."""
    if found := PROGRAMS.get(path):
        return found
    if path.startswith(ADDRESSES):
        return CONSOLE_API
    return SDK_FILES if path.startswith(SDK_ADDRESS) else None
