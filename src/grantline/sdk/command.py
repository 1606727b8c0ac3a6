"""`grantline app`: signing in, tokens and a doctor for apps, on the command line. It needs nothing but the
client library.

    grantline app doctor --app grantline-app.json
    curl -H "Authorization: Bearer $(grantline app token)" …

No secret is an argument: what stands there is in the shell's history and in every list of processes.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final, Unpack

from grantline.sdk.desktop import Desktop
from grantline.sdk.device import Device
from grantline.sdk.doctor import Check, examine, span, worst
from grantline.sdk.doctor_store import check_store
from grantline.sdk.errors import ClientRejected, GrantlineError, ReconnectRequired, StoreRefused
from grantline.sdk.record import Record
from grantline.sdk.selfclient import connect, read_grant_token
from grantline.sdk.session import Session
from grantline.sdk.setup import Options, Setup, read_members, set_up
from grantline.sdk.stored import grant_to_tell, newest_session
from grantline.sdk.stores.file import FileStore
from grantline.sdk.stores.memory import MemoryStore
from grantline.sdk.stores.protocol import Store

FILE: Final = "GRANTLINE_APP"
_SIGN_IN: Final = "Sign in first: grantline app login."
_ABOUT: Final = """Commands for apps that sign in: which app, where it is registered, and its grant.

The app is named by a JSON file of the console (--app), by options, or by the environment:
GRANTLINE_ISSUER, GRANTLINE_CLIENT_ID, GRANTLINE_CLIENT_SECRET, GRANTLINE_REDIRECT_URI, GRANTLINE_SCOPE.
Grants are kept sealed, with the key of the system's keyring or of GRANTLINE_STORE_KEY."""


def main(arguments: Sequence[str], **given: Unpack[Options]) -> int:
    """Run `grantline app …`: exit status 0, 1 with two lines on standard error, or 2 for wrong usage. `given`
    goes to `set_up`, for a program that has this as its own command."""
    options = _parser().parse_args(arguments)
    options.given = given
    try:
        status: int = options.job(options)
    except GrantlineError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="grantline app", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    jobs: Mapping[str, tuple[Callable[[argparse.Namespace], int], str]] = {
        "doctor": (
            doctor,
            "Look for what is wrong: server, client, redirect URI, scopes, clock, store, grant.",
        ),
        "login": (login, "Sign in, and keep the grant."),
        "token": (token, "Print a live access token, renewed if need be."),
        "status": (status, "Say who is signed in, and for how long."),
        "logout": (logout, "End the grant at the server, and forget it here."),
    }
    for name, (job, sentence) in jobs.items():
        one = commands.add_parser(name, help=sentence, description=sentence)
        one.set_defaults(job=job)
        _add_app(one)
    login_parser, token_parser = commands.choices["login"], commands.choices["token"]
    login_parser.add_argument("--device", action="store_true", help="show a short code to enter elsewhere")
    login_parser.add_argument("--no-browser", action="store_true", help="open no browser; print the address")
    login_parser.add_argument(
        "--timeout", type=float, default=300.0, metavar="SECONDS", help="how long to wait for you (300)"
    )
    token_parser.add_argument(
        "--for",
        dest="seconds",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long it must be good for",
    )
    return parser


def _add_app(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--app",
        metavar="FILE",
        default=os.environ.get(FILE),
        help=f"JSON file of the console (or set {FILE})",
    )
    add("--issuer", default="", metavar="URL", help="the accounts server, as it calls itself")
    add("--data-center", default="", metavar="NAME", help="in its place: one of the vendor's, as eu")
    add("--client-id", default="", metavar="ID", help="the client's ID in the console")
    add("--redirect-uri", default="", metavar="URI", help="as it is registered")
    add("--scope", default="", metavar="NAMES", help="with blanks or commas between them")
    add("--store", metavar="FOLDER", help="where grants are kept, if not at the usual place")
    add("--json", action="store_true", help="one JSON document on standard output, nothing else")


def _set_up(options: argparse.Namespace, store: Store | None = None) -> Setup:
    kept = store if store is not None else FileStore(options.store)
    try:
        return set_up(
            options.app,
            issuer=options.issuer,
            data_center=options.data_center,
            client_id=options.client_id,
            redirect_uri=options.redirect_uri,
            scope=options.scope,
            store=kept,
            **options.given,
        )
    except ValueError as problem:  # a data center that there is not
        raise ClientRejected(str(problem), fix="Choose one of these.") from None


def doctor(options: argparse.Namespace) -> int:
    """Every check, each in two lines at most; status 1 if one failed."""
    checks: list[Check] = []
    grant: Record | None = None
    try:
        setup = _set_up(options)
        checks.append(check_store(setup.store))
        grant = grant_to_tell(setup)
    except StoreRefused as problem:
        setup = _set_up(options, MemoryStore())
        checks = [Check("store", "failed", problem.what, problem.hint)]
    checks = [*setup.run(examine(setup, grant)), *checks]
    if options.json:
        verdict = worst(checks)
        print(json.dumps({"verdict": verdict, "checks": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            print(f"{check.verdict:8} {check.name:12} {clean(check.what)}")
            if check.hint and check.verdict != "ok":
                print(f"{'':21} {clean(check.hint)}")
        counts = {one: sum(check.verdict == one for check in checks) for one in ("ok", "warning", "failed")}
        print(", ".join(f"{count} {one}" for one, count in counts.items() if count))
    return 1 if worst(checks) == "failed" else 0


def login(options: argparse.Namespace) -> int:
    """By the browser, by a short code, or with the code that a self client's file has."""
    setup = _set_up(options)
    grant_token = read_grant_token(read_members(options.app))
    if grant_token is not None:
        session = setup.run(connect(setup, grant_token))
    elif options.device:
        with Device(setup).login() as device:
            print(
                f"Open {clean(device.verification_uri)} on any device and enter the code {device.user_code}",
                file=sys.stderr,
                flush=True,
            )
            session = device.wait()
    else:
        session = Desktop(setup).login(
            timeout=options.timeout, open_browser=False if options.no_browser else None
        )
    with suppress(GrantlineError):  # who signs in often wants to call an API next: it is looked up now
        session.api_domain  # noqa: B018
    told = _told(session)
    return _say(
        options, f"Signed in{_as(told)} at {told['issuer']}. The grant is in {_place(setup.store)}.", told
    )


def token(options: argparse.Namespace) -> int:
    """The token alone, for a shell to put into a header."""
    found = _session(_set_up(options)).token(min_seconds=options.seconds)
    members = {"access_token": found.value, "expires_at": found.expires_at, "scope": list(found.scope)}
    return _say(options, found.value, members)


def status(options: argparse.Namespace) -> int:
    """Who is signed in."""
    setup = _set_up(options)
    told = _told(_session(setup))
    left = (told["access_token_expires_at"] or 0) - setup.clock.now()
    lives = f"good for {span(left)}" if left > 0 else "over"
    lines = [
        f"Signed in{_as(told)} at {told['issuer']}.",
        f"client        {told['client_id']}",
        f"scopes        {' '.join(told['scope'])}",
        *([f"API domain    {told['api_domain']}"] if told["api_domain"] else []),
        f"access token  {lives}, {'can' if told['renewable'] else 'cannot'} be renewed",
    ]
    return _say(options, "\n".join(lines), told)


def logout(options: argparse.Namespace) -> int:
    """The end of the grant."""
    session = _session(_set_up(options))
    told = _told(session)
    session.revoke()
    return _say(options, f"Signed out{_as(told)}. The grant is over.", {**told, "ended": "revoked"})


def _place(store: Store) -> str:
    return str(store.folder) if isinstance(store, FileStore) else repr(store)


def _session(setup: Setup) -> Session:
    session = newest_session(setup)
    if session is None:
        raise ReconnectRequired("Nobody is signed in for this app.", fix=_SIGN_IN)
    return session


def _told(session: Session) -> dict[str, Any]:
    return asdict(session.status())


def _as(told: Mapping[str, Any]) -> str:
    who = told["email"] or told["subject"]
    return f" as {who}" if who else ""


def _say(options: argparse.Namespace, sentence: str, members: Mapping[str, Any]) -> int:
    print(json.dumps(members) if options.json else clean(sentence))
    return 0


def clean(text: str) -> str:
    """Text of elsewhere without what a terminal would obey."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "�" for sign in text)
