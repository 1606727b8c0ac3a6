"""The life cycle of grants against a model: whatever happens in whatever order, the right tokens work.

Codes, exchanges, replays, refreshes, rotation and reuse, revocation, consent withdrawn, account and apps
switched off and on, and time; after every step each token ever issued is judged by both.
"""

import asyncio
import shutil
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from grantline.accounts import disable_account, enable_account, start_session
from grantline.clients import set_disabled
from grantline.web.templating import Pages
from tests.faults.life import LOST_ANSWER, SAME_REQUEST, Code, Grant, Token, World
from tests.site import App, Browser, Site, open_site

pytestmark = pytest.mark.both_engines

APPS = ("self-client", "server-based", "client-based", "mobile")
apps = st.sampled_from(APPS)
picks = st.integers(min_value=0, max_value=1000)


class Life(RuleBasedStateMachine):
    """One site from its beginning."""

    folder: ClassVar[Path]
    pages: ClassVar[Pages]
    count: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).count += 1
        place = self.folder.with_name(f"life{self.count}")
        shutil.copytree(self.folder, place)
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.world = World()
        self.site: Site = self.run(
            self.stack.enter_async_context(open_site(place, pages=self.pages, password_hash=""))
        )

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()

    @property
    def now(self) -> int:
        return self.site.clock()

    def app(self, name: str) -> App:
        found: App = self.run(self.site.app(name))
        return found

    def browser(self) -> Browser:
        """A browser with a fresh session, without the price of a password."""
        browser = self.site.browser()
        value, _ = self.run(
            start_session(
                self.site.db, account_id=self.site.account.id, now=self.now, network="", user_agent=""
            )
        )
        browser.http.cookies.set("gl_us_session", value, domain="127.0.0.1", path="/")
        return browser

    def refused(self, answer: httpx2.Response, app: str) -> None:
        """An error of the right class: 401 for an app that is off, else invalid_grant."""
        if app in self.world.apps_off:
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), answer.text
        else:
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), answer.text

    @precondition(lambda self: self.world.account_on)
    @rule(
        app=apps, offline=st.sampled_from((True, True, False)), exchanged=st.sampled_from((True, True, False))
    )
    def make_a_code(self, app: str, offline: bool, exchanged: bool) -> None:
        if app in self.world.apps_off:
            return
        self.get_a_code(app, offline=offline)
        if exchanged:
            self.present(self.world.codes[-1])

    def get_a_code(self, app: str, *, offline: bool) -> None:
        if app == "self-client":
            code, offline = self.run(self.site.console_code(self.app(app))), True
            life = 180
        else:
            access = "offline" if offline else "online"
            code = self.run(self.site.code(self.app(app), browser=self.browser(), access_type=access))
            life = 60
            self.world.consented.add(app)
        self.world.codes.append(Code(code, app, offline, self.now + life))

    @precondition(lambda self: self.world.codes)
    @rule(pick=picks, after=st.sampled_from((0, 0, 5, 11)))
    def present_a_code(self, pick: int, after: int) -> None:
        self.site.clock.advance(after)
        self.present(self.world.codes[-1 - pick % min(3, len(self.world.codes))])

    def present(self, code: Code) -> None:
        answer = self.run(self.site.exchange(self.app(code.app), code.text))
        usable = code.spent_at is None and self.now < code.expires_at
        if not usable or not self.world.account_on or code.app in self.world.apps_off:
            self.refused(answer, code.app)
            self.replayed(code)
            return
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert ("refresh_token" in told) == code.offline
        code.spent_at = self.now
        if code.offline:
            self.world.make_room(code.app)
            grant = Grant(code.app, True, self.now, self.now, told["refresh_token"])
            self.world.grants.append(grant)
        else:
            grant = self.shared(code.app, "online", personal=True)
        code.grant, code.token = grant, grant.take(told["access_token"], self.now)

    def shared(self, app: str, kind: str, *, personal: bool) -> Grant:
        grant = self.world.shared(app, personal=personal, kind=kind)
        if grant is None:
            grant = Grant(app, personal, self.now, self.now, answer=(kind, ""))
            self.world.grants.append(grant)
        return grant

    def replayed(self, code: Code) -> None:
        """A code that comes again later than ten seconds ends what it yielded."""
        if code.spent_at is None or code.grant is None or code.app in self.world.apps_off:
            return
        if self.now > code.spent_at + SAME_REQUEST:
            if code.grant.refresh is None:
                assert code.token is not None
                code.token.ended = True
            else:
                code.grant.dead = True

    @precondition(lambda self: self.world.codes)
    @rule(pick=picks, thief=apps)
    def another_app_presents_a_code(self, pick: int, thief: str) -> None:
        code = self.world.codes[pick % len(self.world.codes)]
        if thief != code.app:
            self.refused(self.run(self.site.exchange(self.app(thief), code.text)), thief)

    def with_refresh(self, pick: int) -> Grant | None:
        grants = [grant for grant in self.world.grants if grant.refresh is not None]
        return grants[pick % len(grants)] if grants else None

    @rule(pick=picks, times=st.sampled_from((1, 2, 16)))
    def refresh(self, pick: int, times: int) -> None:
        grant = self.with_refresh(pick)
        if grant is not None:
            for _ in range(times):
                self.use(grant)

    def use(self, grant: Grant) -> None:
        """Its present refresh token, once."""
        assert grant.refresh is not None
        answer = self.run(self.site.refresh(self.app(grant.app), grant.refresh))
        if grant.app in self.world.apps_off or not self.world.refreshes(grant, self.now):
            self.refused(answer, grant.app)
            if grant.app not in self.world.apps_off:
                grant.answer = None  # it reached its holder
            return
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert ("refresh_token" in told) == grant.rotates
        grant.take(told["access_token"], self.now)
        grant.used_at = self.now
        if grant.rotates:
            grant.older.append(grant.refresh)
            grant.refresh, grant.rotated_at = told["refresh_token"], self.now
            grant.answer = (told["access_token"], told["refresh_token"])

    @rule(pick=picks, after=st.sampled_from((0, 59, 61)), arrived=st.booleans())
    def refresh_and_lose_the_answer(self, pick: int, after: int, arrived: bool) -> None:
        """The usual reason why a rotated token comes again; `arrived`: its successor was shown meanwhile."""
        rotating = [one for one in self.world.grants if one.rotates and one.refresh and not one.dead]
        if not rotating:
            return
        grant = rotating[pick % len(rotating)]
        self.use(grant)
        if arrived:
            assert grant.refresh is not None
            answer = self.run(self.site.refresh(self.app(grant.app), grant.refresh, scope="CRM.org.READ"))
            assert answer.status_code in (400, 401)
            if grant.app not in self.world.apps_off:
                grant.answer = None
        if grant.older:
            self.site.clock.advance(after)
            self.present_again(grant, grant.older[-1])

    @rule(pick=picks, which=st.sampled_from((0, 0, 0, 1)), after=st.sampled_from((0, 0, 59, 61)))
    def present_a_rotated_token(self, pick: int, which: int, after: int) -> None:
        rotated = [grant for grant in self.world.grants if grant.older and not grant.dead]
        if not rotated:
            return
        self.site.clock.advance(after)
        grant = rotated[pick % len(rotated)]
        self.present_again(grant, grant.older[-1 - which % min(2, len(grant.older))])

    def present_again(self, grant: Grant, old: str) -> None:
        answer = self.run(self.site.refresh(self.app(grant.app), old))
        if grant.app in self.world.apps_off or not self.world.refreshes(grant, self.now):
            self.refused(answer, grant.app)
        elif old == grant.older[-1] and grant.answer and self.now < grant.rotated_at + LOST_ANSWER:
            told = answer.json()
            assert (told["access_token"], told["refresh_token"]) == grant.answer
        else:
            self.refused(answer, grant.app)
            grant.dead = True

    @rule(pick=picks, thief=apps)
    def another_app_presents_a_refresh_token(self, pick: int, thief: str) -> None:
        grant = self.with_refresh(pick)
        if grant is not None and grant.app != thief:
            assert grant.refresh is not None
            self.refused(self.run(self.site.refresh(self.app(thief), grant.refresh)), thief)

    @rule(app=st.sampled_from(("self-client", "server-based")))
    def get_a_token_as_the_app(self, app: str) -> None:
        fields = {"grant_type": "client_credentials", "scope": "CRM.modules.READ"}
        answer = self.run(self.site.token(self.app(app), **fields))
        personal = app == "self-client"
        if app in self.world.apps_off or (personal and not self.world.account_on):
            self.refused(answer, app)
            return
        assert answer.status_code == 200, answer.text
        self.shared(app, "client", personal=personal).take(answer.json()["access_token"], self.now)

    @precondition(lambda self: self.world.grants)
    @rule(pick=picks, which=picks, by=apps)
    def revoke_an_access_token(self, pick: int, which: int, by: str) -> None:
        grant = self.world.grants[pick % len(self.world.grants)]
        token = grant.tokens[which % len(grant.tokens)]
        if self.revoke(by, token.text) and by == grant.app:
            token.ended = True

    @rule(pick=picks, by=apps, old=st.booleans())
    def revoke_a_refresh_token(self, pick: int, by: str, old: bool) -> None:
        grant = self.with_refresh(pick)
        if grant is None:
            return
        text = grant.older[-1] if old and grant.older else grant.refresh
        assert text is not None
        if self.revoke(by, text) and by == grant.app:
            grant.dead = True

    def revoke(self, by: str, text: str) -> bool:
        """Whether the app could say it; what it said of another's token must change nothing."""
        app = self.app(by)
        answer = self.run(self.site.post("/oauth/v2/token/revoke", {**app.credentials, "token": text}))
        assert answer.status_code in (200, 400, 401)
        return by not in self.world.apps_off

    @precondition(lambda self: self.world.account_on)
    @rule(app=apps, on_its_way=st.booleans())
    def take_the_consent_back(self, app: str, on_its_way: bool) -> None:
        """Also while a code is on its way, which must not outlive it."""
        if on_its_way and app not in self.world.apps_off:
            self.get_a_code(app, offline=True)
        self.withdraw(app)
        if on_its_way:
            self.present_last()

    def withdraw(self, app: str) -> None:
        browser = self.browser()
        page = self.run(browser.get("/account/apps"))
        fields = {"client_id": self.app(app).id}
        if 'name="token"' not in page.text:
            return
        self.run(browser.submit(page, fields, path="/account/apps/remove"))
        self.world.consented.discard(app)
        for grant in self.world.grants:
            if grant.app == app and grant.personal:
                grant.dead = True
        for code in self.world.codes:
            if code.app == app and code.spent_at is None:
                code.expires_at = min(code.expires_at, self.now)

    def switch_the_account(self) -> None:
        if self.world.account_on:
            self.run(disable_account(self.site.db, self.site.account.id, self.now))
        else:
            self.run(enable_account(self.site.db, self.site.account.id))
        self.world.account_on = not self.world.account_on

    def switch_the_app(self, app: str) -> None:
        off = app not in self.world.apps_off
        self.run(set_disabled(self.site.db, self.app(app).id, self.now if off else None))
        self.world.apps_off ^= {app}

    @rule(app=st.sampled_from((*APPS, None)), meanwhile=st.sampled_from((True, False)), pick=picks)
    def switch_off_and_on(self, app: str | None, meanwhile: bool, pick: int) -> None:
        """The account, or an app: what worked must not, and does again."""
        for _ in range(2):
            if app is None:
                self.switch_the_account()
            else:
                self.switch_the_app(app)
            self.the_right_tokens_work()
            if meanwhile:
                self.refresh_one(pick)
                self.present_last()

    def refresh_one(self, pick: int) -> None:
        grant = self.with_refresh(pick)
        if grant is not None:
            self.use(grant)

    def present_last(self) -> None:
        if self.world.codes:
            self.present(self.world.codes[-1])

    @rule(seconds=st.sampled_from((1, 5, 11, 61, 300, 1800, 3600, 86_400, 10 * 86_400)))
    def let_time_pass(self, seconds: int) -> None:
        self.site.clock.advance(seconds)

    @invariant()
    def the_right_tokens_work(self) -> None:
        for grant in self.world.grants:
            for token in {*grant.tokens[:1], *grant.tokens[-17:-13], *grant.tokens[-2:]}:
                self.check(grant, token)

    def check(self, grant: Grant, token: Token) -> None:
        works = self.run(self.site.works(token.text))
        wanted = self.world.works(grant, token, self.now)
        assert works == wanted, (grant.app, grant.refresh is not None, token.sequence, wanted)


def run_life(folder: Path, site_folder: Path, pages: Pages, *, examples: int, steps: int) -> None:
    shutil.copytree(site_folder, folder / "start")
    Life.folder, Life.pages = folder / "start", pages
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=examples,
            # Shrinking takes longer than the test may: the long form does it.
            phases=(Phase.generate,) if examples < 100 else tuple(Phase),
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_whatever_happens_the_right_tokens_work(tmp_path: Path, site_folder: Path, pages: Pages) -> None:
    run_life(tmp_path, site_folder, pages, examples=25, steps=50)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_whatever_happens_for_long_the_right_tokens_work(
    tmp_path: Path, site_folder: Path, pages: Pages
) -> None:
    run_life(tmp_path, site_folder, pages, examples=800, steps=60)
