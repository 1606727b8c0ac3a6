"""`grantline user move`: a person's account goes to another data center."""

from typing import Annotated, Any

import typer

from grantline.accounts import Account, find_account_by_email, find_move
from grantline.cli.running import (
    CommandFailed,
    DatabaseOption,
    JsonOption,
    Workplace,
    note,
    open_clock,
    say,
    work,
)
from grantline.cli.users import Email
from grantline.db import erase_deleted


def move(
    email: Email,
    to: Annotated[str, typer.Option("--to", help="Code of the data center to move to.")] = "",
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Take back a move that the other data center did not confirm.")
    ] = False,
    database: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Move a person to another data center, with password and consents; here everything of them goes.

    Their sessions and tokens end. A move that is broken off goes on when the command is given again.
    """
    if bool(to) == cancel:
        raise CommandFailed("Say where to with --to CODE, or take a move back with --cancel.")
    if cancel:
        if remark := work(database, lambda place: _cancel(place, email)):
            note(remark)
        members = {"email": email, "moved": False}
        say(f"{email} is here as before, and must sign in again.", members, as_json=json)
        return
    told, erased = work(database, lambda place: _move(place, email, to))
    if not erased:
        note(
            "The file is large or in use all the time, so it was not written anew, and its pages may still"
            " hold parts of old rows. When it is quiet: sqlite3 FILE VACUUM"
        )
    say(_sentence(email, to, told), {"email": email, "moved": True, "data_center": to, **told}, as_json=json)


def _sentence(email: str, to: str, told: dict[str, Any]) -> str:
    left = ", ".join(f"{one['name']} ({one['client_id']})" for one in told["apps_left"])
    return (
        f"{email} lives in {to} now, with the number {told['sub']} there. Sessions and tokens here ended, and"
        f" everything of the account was deleted. Apps allowed there, too: {len(told['apps_taken'])}."
        + (f" Left behind, since they do not work in {to}: {left}." if left else "")
        + (f" Left these teams: {', '.join(told['teams_left'])}." if told["teams_left"] else "")
    )


async def _find(place: Workplace, email: str) -> Account:
    account = await find_account_by_email(place.db, email)
    if account is None:
        raise CommandFailed(
            f"There is no account with the address {email}. Whoever moved away is not here any more."
        )
    return account


async def _move(place: Workplace, email: str, code: str) -> tuple[dict[str, Any], bool]:
    from grantline.cli.offline import offline_mint, settings_of
    from grantline.crossing import Move, MoveRefused, Sender
    from grantline.mail import FolderPost

    mint, clock = await offline_mint(place), await open_clock(place.db)
    if (to := mint.data_centers.find(code)) is None:
        known = ", ".join(one.code for one in mint.data_centers.others) or "none"
        raise CommandFailed(f"{code} is no other data center of the registry. There are: {known}.")
    account, sender = await _find(place, email), Sender(mint, clock)
    try:
        moved = await Move(mint, sender, clock, account, to).run()
    except MoveRefused as refused:
        raise CommandFailed(str(refused)) from None
    finally:
        await sender.close()
    settings = settings_of(place)
    if settings.mail_folder is not None:
        FolderPost(settings.mail_folder, settings.mail_from).forget(account.email)
    return moved.told(), await erase_deleted(place.db)


async def _cancel(place: Workplace, email: str) -> str:
    from grantline.cli.offline import offline_mint
    from grantline.crossing import Move, MoveRefused, Sender, take_back

    mint, clock = await offline_mint(place), await open_clock(place.db)
    account, sender = await _find(place, email), Sender(mint, clock)
    found = await find_move(place.db, account.id)
    if found is None:
        raise CommandFailed(f"{email} is not moving.")
    if (to := mint.data_centers.find(found[0])) is None:
        await take_back(place.db, account, *found, place.now)
        return f"{found[0]} is not in the registry and was not asked. If {email} arrived, they are there."
    try:
        await Move(mint, sender, clock, account, to).cancel()
    except MoveRefused as refused:
        raise CommandFailed(str(refused)) from None
    finally:
        await sender.close()
    return ""
