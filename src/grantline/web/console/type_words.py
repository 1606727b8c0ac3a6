"""What the console says about each client type, beside what the type table itself holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from grantline.clients import CLIENT_TYPES, ClientType
from grantline.web.console.type_flows import render_flow
from grantline.web.languages import _, mark


@dataclass(frozen=True, slots=True)
class TypeWords:
    """Sentences for one type: how it gets tokens, what creating it gives, what to do then, and why fields of
    other types are not asked for."""

    flow: str
    receives: tuple[str, ...]
    next_sentence: str
    absent: str


_ID: Final = mark("A client ID, which is public")
_SECRET: Final = mark("A client secret, shown once")

TYPE_WORDS: Final[Mapping[str, TypeWords]] = MappingProxyType(
    {
        "server-based": TypeWords(
            mark("A person signs in here and allows it; then your server exchanges the code for tokens."),
            (_ID, _SECRET, mark("A refresh token for each person who allows offline access")),
            mark(
                "Send people to {issuer}/oauth/v2/auth with this client ID. Your server exchanges the code."
            ),
            mark("Web origins aren’t asked for: your server calls the API, not a page in the browser."),
        ),
        "client-based": TypeWords(
            mark("A person signs in here and allows it; then the page in the browser gets the token."),
            (
                _ID,
                mark("No secret: anyone could read it in the page source"),
                mark("Short-lived tokens for your page alone"),
            ),
            mark("Send people to {issuer}/oauth/v2/auth with this client ID and a PKCE challenge."),
            mark("A secret isn’t offered: anyone could read it in the page source. PKCE takes its place."),
        ),
        "self-client": TypeWords(
            mark("You generate a grant token here, and your script exchanges it once for a refresh token."),
            (_ID, _SECRET, mark("Grant tokens that you generate here, for your own data")),
            mark("Generate a grant token, and exchange it with the command that stands beside it."),
            mark("Nothing is asked for: nobody is sent anywhere, so there is no redirect."),
        ),
        "non-browser": TypeWords(
            mark("The device shows a short code, and a person enters it in any browser."),
            (
                _ID,
                mark("An optional client secret, shown once"),
                mark("A refresh token for each device that is allowed"),
            ),
            mark(
                "Your device asks {issuer}/oauth/v3/device/code for a code, shows it, and polls for tokens."
            ),
            mark("Redirect URIs aren’t asked for: people allow it on another device."),
        ),
        "mobile": TypeWords(
            mark("The app opens the system browser, a person allows it, and the code comes back to the app."),
            (
                _ID,
                mark("No secret, unless your app insists"),
                mark("A refresh token for each person who allows offline access"),
            ),
            mark(
                "Open {issuer}/oauth/v2/auth in the system browser with this client ID and a PKCE challenge."
            ),
            mark("Web origins aren’t asked for: your app calls the API itself, not from a page."),
        ),
    }
)

NO_SECRET: Final = mark(
    "Anyone could read a secret in the page source, so this type has none. PKCE takes its place."
)
NO_SECRET_MOBILE: Final = mark("An app on a phone can’t keep a secret, so it has none. PKCE takes its place.")

QUESTIONS: Final[Mapping[str, tuple[str, tuple[tuple[str, str], ...]]]] = MappingProxyType(
    {
        "data": (
            mark("Whose data will it work with?"),
            (("others", mark("Other people’s accounts")), ("own", mark("Only my own"))),
        ),
        "browser": (
            mark("Is there a browser?"),
            (
                ("web", mark("Yes, it’s a web page")),
                ("phone", mark("Yes, on a phone or desktop")),
                ("none", mark("No browser at all")),
            ),
        ),
        "secret": (
            mark("Can it keep a secret?"),
            (("yes", mark("Yes, on a server I control")), ("no", mark("No, anyone could read its code"))),
        ),
    }
)
"""Three questions that lead to one type (R27)."""


def suggest_type(answers: Mapping[str, str]) -> str:
    """The type that fits the answers, empty while they leave more than one open."""
    if answers.get("data") == "own":
        return "self-client"
    browser = answers.get("browser", "")
    if browser in ("phone", "none"):
        return "mobile" if browser == "phone" else "non-browser"
    if browser == "web":
        return {"yes": "server-based", "no": "client-based"}.get(answers.get("secret", ""), "")
    return ""


def no_secret(kind: ClientType) -> str:
    """Why a client of this type came without a secret."""
    return NO_SECRET_MOBILE if kind.name == "mobile" else NO_SECRET


def type_cards() -> list[dict[str, Any]]:
    """The five types for the page that asks for one (R27)."""
    return [
        {
            "value": kind.name,
            "title": _(kind.title),
            "who": f"{_(kind.best_for)}.",
            "needs": _lower(_(kind.needs)),
            "gets": _lower(_(kind.gets)),
            "flow": render_flow(kind.name),
        }
        for kind in CLIENT_TYPES.values()
    ]


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
