"""Every refusal of the server is one class of the library's tree, in two lines, and quotes nothing secret."""

import importlib
import inspect
import json
import subprocess
import sys
from typing import Any

import pytest

import grantline
import grantline.sdk
from grantline.oauth.errors import CATALOGUE
from grantline.sdk import errors
from grantline.sdk.asking import App, ask, hide, refusal
from grantline.sdk.clock import ServerClock
from grantline.sdk.effects import Reply
from grantline.sdk.errors import (
    CallbackRefused,
    ClientRejected,
    GrantlineError,
    GrantTokenUnusable,
    ReconnectRequired,
    ScopeMissing,
    Throttled,
    Unreachable,
    WrongDataCenter,
)
from grantline.sdk.metadata import Server, discover
from grantline.sdk.record import Secret
from tests.running import ROOT

ISSUER = "https://accounts.us.example"
KINDS: dict[str, type[GrantlineError]] = {
    "invalid_request": GrantlineError,
    "request_not_supported": ClientRejected,
    "request_uri_not_supported": ClientRejected,
    "unsupported_grant_type": ClientRejected,
    "unsupported_response_type": ClientRejected,
    "invalid_client": ClientRejected,
    "unauthorized_client": ClientRejected,
    "invalid_target": ClientRejected,
    "invalid_grant": ReconnectRequired,
    "invalid_token": ReconnectRequired,
    "expired_token": ReconnectRequired,
    "login_required": ReconnectRequired,
    "consent_required": ReconnectRequired,
    "interaction_required": ReconnectRequired,
    "account_selection_required": ReconnectRequired,
    "invalid_scope": ScopeMissing,
    "insufficient_scope": ScopeMissing,
    "access_denied": CallbackRefused,
    "authorization_pending": GrantlineError,
    "slow_down": Throttled,
    "temporarily_unavailable": Unreachable,
    "server_error": Unreachable,
}


def refused(members: dict[str, Any], status: int = 400, grant_type: str = "refresh_token") -> GrantlineError:
    reply = Reply(status, {}, json.dumps(members).encode())
    return refusal(ISSUER, reply, members, grant_type)


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_refusal_of_the_catalogue_is_one_class_with_its_page(code: str) -> None:
    known = CATALOGUE[code]
    members = {
        "error": known.error,
        "error_description": known.description,
        "grantline_code": code,
        "request_id": "req_1",
    }
    found = refused(members, status=429 if code == "throttled" else 400)
    assert type(found) is (Throttled if code == "throttled" else KINDS[known.error])
    assert (found.what, found.code, found.request_id) == (known.description, code, "req_1")
    assert found.docs == f"{ISSUER}/errors/{code}"
    assert str(found).splitlines() == [known.description, found.hint]
    elsewhere = refused({**members, "expected_issuer": "https://accounts.eu.example"})
    assert isinstance(elsewhere, WrongDataCenter)
    assert "https://accounts.eu.example" in str(elsewhere)
    assert (elsewhere.code, elsewhere.request_id) == (code, "req_1")


def test_a_code_that_does_not_work_is_no_grant_that_is_over() -> None:
    for grant_type in ("authorization_code", "urn:ietf:params:oauth:grant-type:device_code"):
        assert type(refused({"error": "invalid_grant"}, grant_type=grant_type)) is GrantTokenUnusable
    for status, error in ((200, "invalid_code"), (200, "invalid_client_secret"), (400, "Access Denied")):
        found = refused({"error": error}, status)
        assert type(found) in (ReconnectRequired, ClientRejected, Throttled)
        assert found.what == f"{ISSUER} answered {error}."


@pytest.mark.parametrize(
    "said",
    [
        "javascript:alert(1)",
        "http://evil.example",
        "https://x\n.example",
        "https://a@evil.example",
        7,
        ISSUER,
    ],
)
def test_an_expected_issuer_that_is_none_is_not_shown(said: object) -> None:
    found = refused({"error": "invalid_client", "expected_issuer": said})
    assert type(found) is ClientRejected
    assert "evil" not in str(found)


def test_a_servers_words_are_bounded_and_never_steer_a_terminal_or_quote_what_was_sent() -> None:
    found = refused({"error": "invalid_grant\x1b[31m", "error_description": "a\r\nb\x00" + "c" * 9000})
    assert found.what.isprintable()
    assert len(found.what) <= 300
    assert refused({"error": ["x"], "error_description": {"y": 1}}).what == f"{ISSUER} answered 400."
    app = App(ISSUER, "id", Secret("s3cret"))
    sent: dict[str, str | Secret] = {"grant_type": "authorization_code", "code": Secret("c0de")}
    flow = ask(Server(ISSUER, f"{ISSUER}/token"), app, ServerClock(), sent)
    next(flow)
    echo = {"error": "invalid_grant", "error_description": "no code c0de of s3cret"}
    with pytest.raises(GrantTokenUnusable) as told:
        flow.send(Reply(400, {}, json.dumps(echo).encode()))
    assert told.value.what == "no code … of …"
    assert hide("nothing", (None, Secret(""), "x")) == "nothing"


def test_a_token_of_an_unknown_kind_is_not_used() -> None:
    """RFC 6749 §7.1."""
    for kind, taken in (("mac", False), ("bearer", True), ("Bearer", True), (None, True)):
        flow = ask(Server(ISSUER, f"{ISSUER}/token"), App(ISSUER, "id"), ServerClock(), {})
        next(flow)
        answer = {"access_token": "a", **({"token_type": kind} if kind else {})}
        with pytest.raises(StopIteration if taken else Unreachable):
            flow.send(Reply(200, {}, json.dumps(answer).encode()))


@pytest.mark.parametrize(
    "endpoint",
    ["http://evil.example/", "https://evil.example\\.us.example/", f"{ISSUER}/\x1b[2J", 5, ["x"], ""],
)
def test_an_endpoint_that_is_no_address_is_not_used(endpoint: object) -> None:
    flow = discover(ISSUER)
    next(flow)
    with pytest.raises(Unreachable, match="token"):
        flow.send(Reply(200, {}, json.dumps({"issuer": ISSUER, "token_endpoint": endpoint}).encode()))


def test_every_class_says_what_to_do_and_keeps_what_programs_read() -> None:
    kinds = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, GrantlineError)]
    assert len(kinds) >= 10
    for kind in kinds:
        more = {"expected": "https://x.example"} if kind is WrongDataCenter else {}
        one = kind("What happened.", code="a_code", issuer=ISSUER, request_id="r", **more)
        assert str(one).count("\n") == 1
        assert one.hint.endswith((".", "…"))
        assert (one.code, one.request_id, one.docs) == ("a_code", "r", f"{ISSUER}/errors/a_code")
        assert kind.__name__ in grantline.sdk.__all__


def test_apps_import_from_grantline_and_nothing_heavy_comes_along() -> None:
    for name in grantline.sdk.__all__:
        assert getattr(grantline, name) is getattr(grantline.sdk, name)
    for name in ("nothing", "Nothing"):
        with pytest.raises(AttributeError):
            getattr(grantline, name)
    heavy = ["httpx2", "joserfc", "cryptography", "sqlite3", "starlette", "redis", "sqlalchemy", "keyring"]
    looked = f"import sys; print([m for m in {heavy} if m in sys.modules], 'grantline.sdk' in sys.modules)"
    program = f"import grantline; {looked}; from grantline import Grantline, Session; {looked}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT / "src", check=True
    )
    assert done.stdout.split("\n")[:2] == ["[] False", "[] True"]
    assert importlib.import_module("grantline.sdk.grants").Grantline is grantline.sdk.Grantline
