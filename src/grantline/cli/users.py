"""`grantline user …`: accounts."""

import getpass
import secrets
import sys
from typing import Annotated

import typer

from grantline.accounts import (
    Account,
    EmailTaken,
    EmailUnusable,
    Passwords,
    PasswordUnusable,
    create_account,
    disable_account,
    enable_account,
    find_account_by_email,
    set_password,
)
from grantline.audit import record_event
from grantline.cli.running import CommandFailed, DatabaseOption, JsonOption, Workplace, say, work

app = typer.Typer(no_args_is_help=True, help="People's accounts.")

Email = Annotated[str, typer.Argument(help="The person's e-mail address.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def _read_password(from_stdin: bool) -> tuple[str, bool]:
    """The password, and whether we made it up."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\n"), False
    if sys.stdin.isatty():
        return getpass.getpass("Password: "), False
    return secrets.token_urlsafe(15), True


@app.command("create")
def create(
    email: Email,
    given_name: Annotated[str, typer.Option("--given-name", help="First name.")] = "",
    family_name: Annotated[str, typer.Option("--family-name", help="Last name.")] = "",
    password_stdin: FromStdin = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Create an account. Without a terminal and --password-stdin a password is made up and shown once."""
    password, made_up = _read_password(password_stdin)

    async def job(place: Workplace) -> int:
        passwords = Passwords(1)
        try:
            hashed = await passwords.hash(password)
            account = await create_account(
                place.db,
                email=email,
                password_hash=hashed,
                given_name=given_name,
                family_name=family_name,
                now=place.now,
            )
        except (PasswordUnusable, EmailUnusable) as problem:
            raise CommandFailed(str(problem)) from None
        except EmailTaken:
            raise CommandFailed(f"There is an account with the address {email} already.") from None
        finally:
            passwords.close()
        await record_event(place.db, "account.created", now=place.now, account_id=account.id)
        return account.id

    number = work(database, job, create=True)
    members: dict[str, object] = {"email": email, "sub": str(number)}
    if made_up:
        members["password"] = password
    tail = f" Its password, shown once: {password}" if made_up else ""
    say(f"Created the account {email} with the number {number}.{tail}", members, as_json=json)


@app.command("password")
def password(
    email: Email, password_stdin: FromStdin = False, database: DatabaseOption = None, json: JsonOption = False
) -> None:
    """Set a new password; every session of the account ends."""
    value, made_up = _read_password(password_stdin)

    async def job(place: Workplace) -> None:
        account = await _find_settled(place, email)
        passwords = Passwords(1)
        try:
            await set_password(place.db, account.id, await passwords.hash(value), place.now)
        except PasswordUnusable as problem:
            raise CommandFailed(str(problem)) from None
        finally:
            passwords.close()
        await record_event(place.db, "password.changed", now=place.now, account_id=account.id)

    work(database, job)
    members: dict[str, object] = {"email": email, **({"password": value} if made_up else {})}
    tail = f" Shown once: {value}" if made_up else ""
    say(f"Set a new password for {email} and ended its sessions.{tail}", members, as_json=json)


async def _find_settled(place: Workplace, email: str) -> Account:
    """The account of this address. Raises CommandFailed when there is none, or when it is moving."""
    account = await find_account_by_email(place.db, email)
    if account is None:
        raise CommandFailed(f"There is no account with the address {email}.")
    if account.moving_to:
        raise CommandFailed(
            f"{email} is moving to {account.moving_to}. Finish that (grantline user move {email} --to"
            f" {account.moving_to}) or take it back (grantline user move {email} --cancel) first."
        )
    return account


def _switch(email: str, database: str | None, *, off: bool) -> None:
    async def job(place: Workplace) -> None:
        account = await _find_settled(place, email)
        if off:
            await disable_account(place.db, account.id, place.now)
        else:
            await enable_account(place.db, account.id)
        kind = "account.disabled" if off else "account.enabled"
        await record_event(place.db, kind, now=place.now, account_id=account.id)

    work(database, job)


@app.command("disable")
def disable(email: Email, database: DatabaseOption = None, json: JsonOption = False) -> None:
    """Disable an account: nobody signs in to it, and none of its tokens works."""
    _switch(email, database, off=True)
    say(
        f"Disabled {email}. Its tokens and sessions stopped working.",
        {"email": email, "disabled": True},
        as_json=json,
    )


@app.command("enable")
def enable(email: Email, database: DatabaseOption = None, json: JsonOption = False) -> None:
    """Enable an account again."""
    _switch(email, database, off=False)
    say(f"Enabled {email} again.", {"email": email, "disabled": False}, as_json=json)
