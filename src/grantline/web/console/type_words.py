"""What the console says about each client type, beside what the type table itself holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from grantline.clients import CLIENT_TYPES, ClientType


@dataclass(frozen=True, slots=True)
class TypeWords:
    """Sentences for one type: how it gets tokens, what creating it gives, and what to do then."""

    flow: str
    receives: tuple[str, ...]
    next_sentence: str


_ID: Final = "A client ID, which is public"
_SECRET: Final = "A client secret, shown once"

TYPE_WORDS: Final[Mapping[str, TypeWords]] = MappingProxyType(
    {
        "server-based": TypeWords(
            "A person signs in here and allows it; then your server exchanges the code for tokens.",
            (_ID, _SECRET, "A refresh token for each person who allows offline access"),
            "Send people to {issuer}/oauth/v2/auth with this client ID. Your server exchanges the code.",
        ),
        "client-based": TypeWords(
            "A person signs in here and allows it; then the page in the browser gets the token.",
            (
                _ID,
                "No secret: anyone could read it in the page source",
                "Short-lived tokens for your page alone",
            ),
            "Send people to {issuer}/oauth/v2/auth with this client ID and a PKCE challenge.",
        ),
        "self-client": TypeWords(
            "You generate a grant token here, and your script exchanges it once for a refresh token.",
            (_ID, _SECRET, "Grant tokens that you generate here, for your own data"),
            "Generate a grant token, and exchange it with the command that stands beside it.",
        ),
        "non-browser": TypeWords(
            "The device shows a short code, and a person enters it in any browser.",
            (_ID, "An optional client secret, shown once", "A refresh token for each device that is allowed"),
            "Your device asks {issuer}/oauth/v3/device/code for a code, shows it, and polls for the token.",
        ),
        "mobile": TypeWords(
            "The app opens the system browser, a person allows it, and the code comes back to the app.",
            (
                _ID,
                "No secret, unless your app insists",
                "A refresh token for each person who allows offline access",
            ),
            "Open {issuer}/oauth/v2/auth in the system browser with this client ID and a PKCE challenge.",
        ),
    }
)

NO_SECRET: Final = (
    "Anyone could read a secret in the page source, so this type has none. PKCE takes its place."
)
NO_SECRET_MOBILE: Final = "An app on a phone can’t keep a secret, so it has none. PKCE takes its place."


def no_secret(kind: ClientType) -> str:
    """Why a client of this type came without a secret."""
    return NO_SECRET_MOBILE if kind.name == "mobile" else NO_SECRET


def type_cards() -> list[dict[str, str]]:
    """The five types for the page that asks for one (R27)."""
    return [
        {
            "value": kind.name,
            "title": kind.title,
            "who": f"{kind.best_for}.",
            "needs": _lower(kind.needs),
            "gets": _lower(kind.gets),
        }
        for kind in CLIENT_TYPES.values()
    ]


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
