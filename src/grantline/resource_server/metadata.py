"""What an API says about itself, so that clients find its authorization server (RFC 9728)."""

import json
import re
from collections.abc import Sequence
from typing import Final

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
_RESOURCE: Final = re.compile(
    r"(https://[a-z0-9.-]+(?::[0-9]{1,5})?|http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::[0-9]{1,5})?)"
    r"((?:/[A-Za-z0-9._~-]*)*)"
)


def check_resource(resource: str) -> None:
    """Check that an API's own address is https, or http on this computer, without query or fragment.

    Raises ValueError (RFC 9728 §1.2, T99).
    """
    if not _RESOURCE.fullmatch(resource):
        raise ValueError(
            "resource= is this API's own address, https://host and perhaps a path, as `grantline api create`"
            " was told it. Every token must name it."
        )


def split_resource(resource: str) -> tuple[str, str]:
    """Scheme and host, and the path without a slash at its end."""
    found = _RESOURCE.fullmatch(resource)
    assert found is not None
    return found[1], found[2].rstrip("/")


def metadata_url(resource: str) -> str:
    """Where the document of this API is: between its host and its path (RFC 9728 §3.1)."""
    host, path = split_resource(resource)
    return f"{host}{WELL_KNOWN}{path}"


def metadata_paths(resource: str) -> frozenset[str]:
    """The paths that the document is served under: the one with the API's path, and that at the root, where
    clients look next."""
    return frozenset({WELL_KNOWN, WELL_KNOWN + split_resource(resource)[1]})


def render_metadata(
    resource: str, issuer: str, *, scopes: Sequence[str], name: str, documentation: str
) -> bytes:
    """The document of RFC 9728 §2; what is empty is left out (RFC 9728 §3.2)."""
    document = {
        "resource": resource,
        "authorization_servers": [issuer],
        "scopes_supported": list(scopes),
        "bearer_methods_supported": ["header"],
        "resource_name": name,
        "resource_documentation": documentation,
    }
    return json.dumps({key: value for key, value in document.items() if value}).encode()
