"""The headers that answers carry, by kind (threats, table a). Nothing of ours may be framed, sniffed, cached
where it is secret, or
made to load anything foreign."""

import re
from typing import Final

Headers = tuple[tuple[str, str], ...]
RawHeaders = tuple[tuple[bytes, bytes], ...]

_PROGRAM: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
PROGRAM_NO_STORE: Final = (*_PROGRAM, (b"cache-control", b"no-store"), (b"pragma", b"no-cache"))

_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")

BASE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)


def program_headers(content_type: str, cache: str, *more: Headers) -> RawHeaders:
    """The headers of an answer for programs."""
    kept = PROGRAM_NO_STORE if cache == "no-store" else (*_PROGRAM, (b"cache-control", cache.encode()))
    own = [(name.encode(), value.encode("latin-1")) for pairs in more for name, value in pairs]
    headers = ((b"content-type", content_type.encode()), *kept, *own)
    if any(_CONTROL.search(name + value) for name, value in headers):
        raise ValueError("a header of ours would break its line")
    return headers


def render_lines(headers: RawHeaders) -> bytes:
    """The headers as they are sent."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def page_headers(*, form_action: str = "", script: bool = False, opener: bool = False) -> dict[str, str]:
    """The headers of a page. `form_action` adds the one place that its form may lead on to; `script`: ours
    may run."""
    policy = f"{BASE_POLICY}; form-action 'self'" + (f" {form_action}" if form_action else "")
    if script:
        policy += "; script-src 'self'; connect-src 'self'"
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "unsafe-none" if opener else "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if script:
        headers["Permissions-Policy"] = (
            "camera=(), geolocation=(), microphone=(), payment=(), clipboard-write=(self)"
        )
    return headers


def redirect_headers() -> dict[str, str]:
    """The headers of an answer that sends the browser on to an app: no referrer, nothing kept (T21)."""
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
