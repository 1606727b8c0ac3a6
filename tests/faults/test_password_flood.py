"""A flood of sign-ins: its own few threads are all that it gets (T132)."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import SiteFactory
from tests.site import PASSWORD, Site


@contextmanager
def every_thread_busy(site: Site) -> Iterator[None]:
    """Each thread for passwords works on something that takes until the block ends."""
    passwords, done = site.server.passwords, threading.Event()
    for _ in range(passwords._threads):
        passwords._pool.submit(done.wait, 60)
    try:
        yield
    finally:
        done.set()


async def fill_the_queue(site: Site) -> list[asyncio.Task[bool]]:
    """As many checks as may wait, and those that would run."""
    passwords = site.server.passwords
    waiting = [asyncio.create_task(passwords.verify(None, "x" * 10)) for _ in range(passwords._threads * 5)]
    await asyncio.sleep(0)
    return waiting


@pytest.mark.both_engines
async def test_T132_tokens_are_issued_while_no_password_can_be_checked(site: Site) -> None:
    app = await site.app("self-client")
    refresh_token = (await site.tokens(app))["refresh_token"]
    with every_thread_busy(site):
        waiting = await fill_the_queue(site)
        for _ in range(5):
            assert (await site.refresh(app, refresh_token)).status_code == 200
        assert not any(task.done() for task in waiting)
    assert await asyncio.gather(*waiting) == [False] * len(waiting)


async def test_T132_a_sign_in_too_many_is_503_before_anything_is_counted_or_checked(
    open_a_site: SiteFactory,
) -> None:
    proxied = {"limits": "1", "trusted_proxies": "127.0.0.0/8"}
    async with open_a_site(**proxied) as site:
        browser = site.browser()
        browser.http.headers["X-Forwarded-For"] = "203.0.113.9"
        page = await browser.get("/signin")
        with every_thread_busy(site):
            waiting = await fill_the_queue(site)
            for _ in range(40):
                refused = await browser.sign_in(page)
                assert refused.status_code == 503
                assert int(refused.headers["retry-after"]) > 0
            assert await site.db.all("SELECT subject FROM attempts") == []
        await asyncio.gather(*waiting)
        # 40 tries of which none was one: the next is the first.
        assert (await browser.sign_in(page)).status_code == 303


@pytest.mark.usefixtures("full_cost")
async def test_T132_many_sign_ins_at_once_are_done_or_turned_away_and_no_right_one_is_refused(
    site: Site,
) -> None:
    browsers = [site.browser() for _ in range(40)]
    pages = [await browser.get("/signin") for browser in browsers]
    answers = await asyncio.gather(
        *(browser.sign_in(page) for browser, page in zip(browsers, pages, strict=True))
    )
    told = {answer.status_code for answer in answers}
    assert told <= {303, 503}
    assert sum(answer.status_code == 303 for answer in answers) >= 5
    assert site.server.passwords._waiting == 0


@pytest.mark.usefixtures("full_cost")
async def test_T132_hashing_threads_let_everything_else_go_first(site: Site) -> None:
    """On Linux a thread has a priority of its own; that of the process stays."""
    passwords = site.server.passwords
    nice = await asyncio.get_running_loop().run_in_executor(
        passwords._pool, lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    )
    assert nice > os.getpriority(os.PRIO_PROCESS, os.getpid()) or nice == 19
    assert await passwords.verify(site.account.password_hash, PASSWORD)
