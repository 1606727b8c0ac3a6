"""Signing in with e-mail and password: limits first, then one hash, whether or not the account exists (T76,
T149)."""

from typing import Final

from grantline.accounts.account import Account, EmailUnusable, email_key, find_account_by_email
from grantline.accounts.passwords import Passwords, PasswordsBusy
from grantline.db import Database
from grantline.limits import (
    StoredLimit,
    forgive,
    give_back,
    give_back_for_network,
    reserve,
    reserve_for_network,
)

ACCOUNT_LIMIT: Final = StoredLimit("sign-in", 5, 900, slowing=True)
NETWORK_LIMIT: Final = StoredLimit("sign-in-network", 30, 900)


class SignInDelayed(Exception):
    """Too many tries: the next is possible after `wait_seconds`. Nothing was checked."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(f"the next try is possible in {wait_seconds} s")
        self.wait_seconds = wait_seconds


async def sign_in(
    db: Database,
    passwords: Passwords,
    *,
    email: str,
    password: str,
    network: str | None,
    known_browser: bool,
    factor: float,
    now: int,
) -> Account | None:
    """The account whose e-mail and password these are, or None. `network` is None for peers that are not
    limited.

    A known browser (it signed in to this account before) is not slowed by what strangers try. Raises
    SignInDelayed, PasswordsBusy.
    """
    try:
        subject = email_key(email)
    except EmailUnusable:
        subject = "-"
    passwords.check_room()
    # The network first: one that is out of tries must not use up those of the account any more.
    wait = await reserve_for_network(db, NETWORK_LIMIT, network, now, factor=factor)
    if not wait and not known_browser:
        wait = await reserve(db, ACCOUNT_LIMIT, subject, now, factor=factor)
    if wait:
        raise SignInDelayed(wait)
    account = await find_account_by_email(db, email)
    try:
        right = await passwords.verify(account.password_hash if account else None, password)
    except PasswordsBusy:  # nothing was tried
        await give_back_for_network(db, NETWORK_LIMIT, network)
        if not known_browser:
            await give_back(db, ACCOUNT_LIMIT, subject)
        raise
    if not right or account is None or account.disabled_at is not None:
        return None
    if not known_browser:
        await forgive(db, ACCOUNT_LIMIT, subject)
    # One try back and no more: else signing in to one's own account would free the network to go on guessing.
    await give_back_for_network(db, NETWORK_LIMIT, network)
    return account
