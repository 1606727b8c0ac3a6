"""How each client type gets its tokens, step by step, as it is drawn and as it is read (R50)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from grantline.web.languages import _, mark

_LANE: Final = 44
_FIRST: Final = 20


@dataclass(frozen=True, slots=True)
class Step:
    """One arrow: from which lane to which, and what goes along it."""

    start: int
    end: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Flow:
    """Who takes part, from the start of the line to its end, and what happens."""

    lanes: tuple[str, str, str, str]
    steps: tuple[Step, ...]


_SERVICE: Final = "Grantline"
_API: Final = mark("API")

FLOWS: Final[Mapping[str, Flow]] = MappingProxyType(
    {
        "server-based": Flow(
            (mark("Person"), mark("Your server"), _SERVICE, _API),
            (
                Step(1, 2, mark("It sends the person here, with its client ID and redirect URI.")),
                Step(0, 2, mark("The person signs in and allows it.")),
                Step(2, 1, mark("The redirect brings a code, which is good once and for a minute.")),
                Step(
                    1,
                    2,
                    mark("Your server exchanges the code for tokens, and proves itself with its secret."),
                ),
                Step(
                    1,
                    3,
                    mark("It calls the API with the access token, and gets new ones with the refresh token."),
                ),
            ),
        ),
        "client-based": Flow(
            (mark("Person"), mark("Your page"), _SERVICE, _API),
            (
                Step(1, 2, mark("The page makes a random value (PKCE) and sends the person here.")),
                Step(0, 2, mark("The person signs in and allows it.")),
                Step(2, 1, mark("The redirect brings a code to the page.")),
                Step(
                    1, 2, mark("The page exchanges the code, and shows the random value instead of a secret.")
                ),
                Step(1, 3, mark("It calls the API from an origin that you registered.")),
            ),
        ),
        "self-client": Flow(
            (mark("You"), mark("Your script"), _SERVICE, _API),
            (
                Step(
                    0, 2, mark("You generate a grant token in the console, with the scopes that you choose.")
                ),
                Step(0, 1, mark("You give it to your script, within minutes.")),
                Step(
                    1,
                    2,
                    mark("The script exchanges it once, with its secret, for a refresh token that stays."),
                ),
                Step(1, 3, mark("It calls the API for your own data, and nobody needs to be there.")),
            ),
        ),
        "non-browser": Flow(
            (mark("Person"), mark("Your device"), _SERVICE, _API),
            (
                Step(1, 2, mark("The device asks for a code and an address to show.")),
                Step(1, 0, mark("It shows both, and the person opens the address on a phone or computer.")),
                Step(0, 2, mark("The person signs in there, enters the code, and allows it.")),
                Step(1, 2, mark("The device asks again every few seconds, until it gets its tokens.")),
                Step(1, 3, mark("It calls the API with them.")),
            ),
        ),
        "mobile": Flow(
            (mark("Person"), mark("Your app"), _SERVICE, _API),
            (
                Step(1, 2, mark("The app makes a random value (PKCE) and opens the system’s browser here.")),
                Step(0, 2, mark("The person signs in there and allows it.")),
                Step(2, 1, mark("The redirect opens the app again and brings it a code.")),
                Step(
                    1, 2, mark("The app exchanges the code, and shows the random value instead of a secret.")
                ),
                Step(1, 3, mark("It calls the API, and gets new tokens with the refresh token.")),
            ),
        ),
    }
)


def _x(lane: int) -> int:
    return _FIRST + lane * _LANE


def render_flow(name: str) -> dict[str, Any]:
    """The flow of a type for `parts/flow.html`: words, and where lanes and arrows are, on 176 by 28."""
    flow = FLOWS[name]
    lanes = [{"word": _(word), "x": _x(number)} for number, word in enumerate(flow.lanes)]
    steps = []
    for step in flow.steps:
        start, end = lanes[step.start], lanes[step.end]
        begins, ends = _x(step.start), _x(step.end)
        tip = ends - 5 if ends > begins else ends + 5
        wing = tip - 6 if ends > begins else tip + 6
        steps.append(
            {
                "from": start["word"],
                "to": end["word"],
                "sentence": _(step.sentence),
                "start": begins,
                "tip": tip,
                "wing": wing,
            }
        )
    return {"lanes": lanes, "steps": steps}
