"""Signing in with e-mail and password: limits first, then one hash, whether or not the account exists (T76,
T149)."""

from typing import Final

from grantline.accounts.account import Account, EmailUnusable, email_key, find_account_by_email
from grantline.accounts.passwords import Passwords
from grantline.db import Database
from grantline.limits import StoredLimit, forgive, reserve

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
    limits = [] if known_browser else [(ACCOUNT_LIMIT, subject)]
    if network is not None:
        limits.append((NETWORK_LIMIT, network))
    for limit, key in limits:
        if wait := await reserve(db, limit, key, now, factor=factor):
            raise SignInDelayed(wait)
    account = await find_account_by_email(db, email)
    right = await passwords.verify(account.password_hash if account else None, password)
    if not right or account is None or account.disabled_at is not None:
        return None
    for limit, key in limits:
        await forgive(db, limit, key)
    return account
