"""One spelling for each address, and passwords that are hashed at one price for everybody."""

import asyncio
import statistics
import time

import pytest
from argon2 import extract_parameters
from hypothesis import given
from hypothesis import strategies as st

from grantline.accounts import (
    EmailTaken,
    EmailUnusable,
    Passwords,
    PasswordsBusy,
    PasswordUnusable,
    check_password,
    email_key,
    find_account_by_email,
)
from grantline.accounts.passwords import _NOBODYS
from tests.site import PASSWORD, Site

SAME = [
    ("Mara@Example.COM", "mara@example.com"),
    ("m.a+b_c-d@sub.example.com", "m.a+b_c-d@sub.example.com"),
    ("mara@b\u00fccher.example", "mara@xn--bcher-kva.example"),
    ("mara@B\u00dcCHER.example", "mara@xn--bcher-kva.example"),
    ("mara@xn--bcher-kva.example", "mara@xn--bcher-kva.example"),
]
REFUSED = [
    "",
    "mara",
    "@example.com",
    "mara@",
    "mara@example",
    "mara@example.com.",
    "mara@.example.com",
    "mara@example..com",
    "mara@@example.com",
    "mara@exa@mple.com",
    "mar\u0131@example.com",
    "mara\u212a@example.com",
    "m\u00e4ra@example.com",
    "mara\uff20example.com",
    "mara@ex\uff41mple.com",
    "mara@\u212aelvin.example",
    "mara@example.com\n",
    "mara\r\nBcc: x@example.com",
    "mara@example.com\x00",
    "mara@exam\u200bple.com",
    "mara@example.com\u202e",
    '"mara"@example.com',
    "mara space@example.com",
    ".mara@example.com",
    "mara.@example.com",
    "ma..ra@example.com",
    "mara,tom@example.com",
    "<mara@example.com>",
    "mara@[127.0.0.1]",
    "mara@-example.com",
    "a" * 65 + "@example.com",
    "mara@" + "a" * 64 + ".com",
    "mara@" + "a." * 130 + "com",
]


@pytest.mark.parametrize(("spelled", "key"), SAME)
def test_T71_spellings_of_one_address_have_one_key(spelled: str, key: str) -> None:
    assert email_key(spelled) == key


@pytest.mark.parametrize("text", REFUSED)
def test_T71_what_two_systems_could_read_differently_is_refused(text: str) -> None:
    with pytest.raises(EmailUnusable):
        email_key(text)


@given(text=st.emails() | st.text(max_size=100))
def test_T71_a_key_is_ascii_in_small_letters_and_its_own_key(text: str) -> None:
    try:
        key = email_key(text)
    except EmailUnusable:
        return
    assert key.isascii()
    assert key == key.lower()
    assert email_key(key) == key


async def test_T71_an_address_is_taken_in_every_spelling(site: Site) -> None:
    made = await site.person("Tom@B\u00fccher.example")
    for spelled in ("tom@b\u00fccher.example", "TOM@xn--bcher-kva.example"):
        with pytest.raises(EmailTaken):
            await site.person(spelled)
        found = await find_account_by_email(site.db, spelled)
        assert found is not None
        assert found.id == made.id
    assert made.email == "Tom@B\u00fccher.example"


@pytest.mark.parametrize("password", ["", "short", "1234567", "a" * 129, "password", "PassW0rd", "grantline"])
def test_T76_a_password_is_8_to_128_characters_and_none_of_the_common(password: str) -> None:
    with pytest.raises(PasswordUnusable):
        check_password(password)


@pytest.mark.parametrize("password", ["12345679", "a" * 128, "nur buchstaben", "\U0001f600" * 8, " spaces "])
def test_T76_there_are_no_rules_of_composition(password: str) -> None:
    check_password(password)


async def test_T76_a_password_is_never_cut_off_or_folded() -> None:
    passwords = Passwords(1)
    long = "correct horse " * 9 + "ab"
    stored = await passwords.hash(long)
    assert len(long) == 128
    assert stored.startswith("$argon2id$")
    assert await passwords.verify(stored, long)
    for other in (long[:-1], long + "c", long.upper(), long[:72], ""):
        assert not await passwords.verify(stored, other)
    passwords.close()


@pytest.mark.parametrize("stored", [None, "", "!", "$argon2id$broken", "plain"])
async def test_without_a_usable_hash_no_password_is_right(stored: str | None) -> None:
    passwords = Passwords(1)
    assert not await passwords.verify(stored, PASSWORD)
    assert not await passwords.verify(stored, "")
    passwords.close()


async def test_T149_an_unknown_account_costs_what_a_known_one_costs() -> None:
    """The long form compares two thousand timings; here the medians of a few must be near."""
    passwords = Passwords(1)
    stored = await passwords.hash(PASSWORD)

    async def spent(against: str | None) -> float:
        started = time.perf_counter()
        assert not await passwords.verify(against, "wrong password")
        return time.perf_counter() - started

    pairs = [(await spent(stored), await spent(None)) for _ in range(9)]
    known, unknown = (statistics.median(column) for column in zip(*pairs, strict=True))
    assert 0.5 < known / unknown < 2
    assert known > 0.005
    passwords.close()


async def test_T132_too_long_a_password_costs_no_hash() -> None:
    passwords = Passwords(1)
    stored = await passwords.hash(PASSWORD)
    started = time.perf_counter()
    assert not await passwords.verify(stored, "a" * 1_000_000)
    assert time.perf_counter() - started < 0.005
    passwords.close()


async def test_T132_the_queue_is_short_and_whoever_is_refused_costs_no_hash() -> None:
    """At most four wait for each thread; the rest hear at once that we are busy."""
    passwords = Passwords(1)
    stored = await passwords.hash(PASSWORD)
    results = await asyncio.gather(
        *(passwords.verify(stored, "wrong password") for _ in range(50)), return_exceptions=True
    )
    assert sum(isinstance(one, PasswordsBusy) for one in results) == 45
    assert [one for one in results if not isinstance(one, BaseException)] == [False] * 5
    assert await passwords.verify(stored, PASSWORD)
    passwords.close()


@pytest.mark.usefixtures("full_cost")
async def test_T132_the_loop_goes_on_while_passwords_are_hashed(site: Site) -> None:
    app = await site.app("self-client")
    browser = site.browser()
    page = await browser.get("/signin")
    signing = [asyncio.create_task(browser.sign_in(page)) for _ in range(6)]
    await asyncio.sleep(0)
    answer = await site.token(app, grant_type="client_credentials", scope="CRM.modules.READ")
    assert answer.status_code == 200
    assert not all(task.done() for task in signing)
    await asyncio.gather(*signing)


async def test_T149_the_hash_for_unknown_accounts_costs_what_new_ones_cost() -> None:
    passwords = Passwords(1)
    assert extract_parameters(_NOBODYS) == extract_parameters(await passwords.hash(PASSWORD))
    passwords.close()
