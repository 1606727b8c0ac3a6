"""People and their apps, each with a memory of what they were told, on a data center whose processes die.

Every person acts alone and in turn, so that what they may expect is plain; codes, refresh tokens and polls
are now and then sent twice at once, to two nodes. A 503 or a broken connection leaves things open, and they
are asked again; every other answer counts, and a wrong one ends the run.
"""

import asyncio
import random
import re
import time
from collections.abc import Mapping, Sequence
from html import unescape
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.faults.calling import Reply
from tests.faults.center import Center
from tests.faults.ledger import Grant, Ledger
from tests.site import CHALLENGE, DEVICE_GRANT, PASSWORD, VERIFIER, App

SCOPE: Final = "openid CRM.modules.leads.READ"
TOKEN: Final = "/oauth/v2/token"
KINDS: Final = ("server-based", "mobile", "non-browser")
MOST_GRANTS: Final = 5
LOST_ANSWER_SECONDS: Final = 50
"""How long a lost answer to a rotation can surely be had again: a little less than the server's minute."""
PAUSE_SECONDS: Final = 0.05


class Person:
    """One person, their browser, and the apps that they use."""

    def __init__(self, center: Center, ledger: Ledger, email: str, seed: str) -> None:
        self.center = center
        self.ledger = ledger
        self.email = email
        self.steps = 0
        self._random = random.Random(f"{seed} {email}")
        self.cookies: dict[str, str] = {}
        self.grants: dict[str, list[Grant]] = {name: [] for name in KINDS}
        self.allowed: dict[str, bool | None] = dict.fromkeys(KINDS)
        """Whether a consent is in force; None when nobody knows."""

    async def ask(
        self,
        method: str,
        path: str,
        fields: Mapping[str, str] | None = None,
        *,
        browser: bool = False,
        bearer: str = "",
    ) -> Reply:
        """One request to any node."""
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        if browser and self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        node = self._random.choice(self.center.nodes)
        reply = await node.caller.call(method, path, fields, headers=headers)
        if browser:
            self.cookies |= reply.cookies
        outcome = {0: "broken", 503: "503"}.get(reply.status, "answered")
        self.ledger.asked[outcome] += 1
        if reply.status == 503:
            assert int(reply.headers["retry-after"]) > 0, (path, reply.text)
        assert reply.status < 500 or reply.status == 503, (path, reply.status, reply.text)
        if not reply.known:
            await asyncio.sleep(PAUSE_SECONDS)
        return reply

    async def sure(
        self, method: str, path: str, fields: Mapping[str, str] | None = None, **how: str
    ) -> Reply:
        """Ask until there is an answer."""
        while True:
            reply = await self.ask(method, path, fields, bearer=how.get("bearer", ""))
            if reply.known:
                return reply

    async def sure_page(self, path: str) -> Reply:
        """A page, asked for until it comes."""
        while True:
            page = await self.ask("GET", path, browser=True)
            if page.known:
                return page

    async def submit(self, page: Reply, path: str, **fields: str) -> Reply:
        """Send a page's form, once."""
        hidden = dict(re.findall(r'name="(flow|token)" value="([^"]*)"', page.text))
        filled = {name: unescape(value) for name, value in hidden.items()}
        return await self.ask("POST", path, {**filled, **fields}, browser=True)

    async def sign_in(self) -> None:
        """Begin a session."""
        while True:
            page = await self.sure_page("/signin")
            done = await self.submit(page, "/signin", email=self.email, password=PASSWORD)
            if done.known:
                break
        assert done.status == 303, done.text

    async def live(self, running: asyncio.Event) -> None:
        """Do one thing after the other while it runs."""
        while running.is_set():
            await self.step()

    async def step(self) -> None:
        """One thing that people or apps do."""
        kinds = (self.obtain, self.refresh, self.revoke, self.remove_access, self.decide_on_device, self.look)
        await self._random.choices(kinds, (22, 44, 6, 2, 6, 20))[0]()
        self.steps += 1

    def _any_grant(self) -> Grant | None:
        held = [grant for grants in self.grants.values() for grant in grants]
        return self._random.choice(held) if held else None

    def _keep(self, app: App, reply: Reply) -> None:
        tokens = reply.json
        kind = app.client.type.name
        self.grants[kind].append(Grant(app, tokens["access_token"], tokens["refresh_token"]))

    async def _both(self, fields: Mapping[str, str]) -> list[Reply]:
        """The same token request once, or twice at the same moment."""
        times = self._random.choice((1, 1, 2))
        return list(await asyncio.gather(*(self.ask("POST", TOKEN, fields) for _ in range(times))))

    async def obtain(self) -> None:
        """Authorize an app, and redeem its code."""
        app = self.center.apps[self._random.choice(("server-based", "mobile"))]
        kind = app.client.type.name
        if len(self.grants[kind]) >= MOST_GRANTS:
            await self.revoke(self.grants[kind][0])
        code = await self._authorize(app)
        if code is not None:
            self.ledger.done["authorizations"] += 1
            await self._redeem(app, code)

    def authorization_request(self, app: App, **changes: str) -> str:
        """Where a browser is sent to by the app."""
        asked = {
            "client_id": app.id,
            "response_type": "code",
            "redirect_uri": app.redirect_uri,
            "scope": SCOPE,
            "access_type": "offline",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        return f"/oauth/v2/auth?{urlencode(asked)}"

    async def _authorize(self, app: App) -> str | None:
        kind = app.client.type.name
        page = await self.ask("GET", self.authorization_request(app), browser=True)
        if page.status == 200:
            assert 'name="decision"' in page.text, page.text
            remembered = self.allowed[kind] and kind == "server-based"
            assert not remembered, "an acknowledged consent is gone"
            self.allowed[kind] = None
            page = await self.submit(page, "/oauth/v2/auth/decision", decision="allow")
            if page.status == 303 and "code=" in page.headers["location"]:
                self.allowed[kind] = True
                self.ledger.done["consents"] += 1
        if not page.known:
            return None
        assert page.status == 303, (page.status, page.text)
        told = parse_qs(urlsplit(page.headers["location"]).query)
        if "code" in told:
            assert self.allowed[kind] is not False, "a withdrawn consent is in force"
            return told["code"][0]
        assert told["error"] == ["temporarily_unavailable"], told
        return None

    async def _redeem(self, app: App, code: str) -> None:
        fields = {
            **app.credentials,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": app.redirect_uri,
            "code_verifier": VERIFIER,
        }
        replies = await self._both(fields)
        if all(not reply.known for reply in replies):
            replies.append(await self.sure("POST", TOKEN, fields))
        if self._take_only_winner(app, replies):
            self.ledger.spent.append((app, code))

    def _take_only_winner(self, app: App, replies: Sequence[Reply]) -> bool:
        """Of all who asked at most one got tokens; nobody did only if an answer is missing."""
        winners = [reply for reply in replies if reply.status == 200]
        assert len(winners) <= 1, "a code was redeemed twice"
        losers = [reply.json["error"] for reply in replies if reply.known and reply.status != 200]
        assert set(losers) <= {"invalid_grant"}, losers
        if winners:
            self._keep(app, winners[0])
            self.ledger.done["codes"] += 1
        else:
            assert any(not reply.known for reply in replies), "a code that was never redeemed is spent"
            self.ledger.done["codes of unknown fate"] += 1
        return bool(winners)

    async def refresh(self) -> None:
        """Use a refresh token, which rotates or does not."""
        grant = self._any_grant()
        if grant is None:
            return
        fields = {**grant.app.credentials, "grant_type": "refresh_token", "refresh_token": grant.refresh}
        began = time.monotonic()
        while True:
            replies = await self._both(fields)
            given = [reply.json for reply in replies if reply.status == 200]
            refused = [reply for reply in replies if reply.known and reply.status != 200]
            if given or refused:
                break
        if refused and not given and time.monotonic() > began + LOST_ANSWER_SECONDS:
            self.grants[grant.app.client.type.name].remove(grant)
            self.ledger.done["rotations of unknown fate"] += 1
            return
        assert not refused, f"a live refresh token was refused: {refused[0].text}"
        if grant.rotates:
            successors = {one["refresh_token"] for one in given}
            assert len(successors) == 1, "one refresh token has two successors"
            grant.older.append(grant.refresh)
            grant.refresh = successors.pop()
        grant.access = given[-1]["access_token"]
        self.ledger.done["rotations" if grant.rotates else "refreshes"] += 1

    async def revoke(self, grant: Grant | None = None) -> None:
        """End a grant: the app's own wish, or a rotated token that came again."""
        grant = grant or self._any_grant()
        if grant is None:
            return
        credentials = grant.app.credentials
        if len(grant.older) >= 2 and self._random.random() < 0.5:
            stale = {"grant_type": "refresh_token", "refresh_token": grant.older[-2]}
            reply = await self.sure("POST", TOKEN, {**credentials, **stale})
            assert reply.json.get("error") == "invalid_grant", "a token rotated twice over was taken"
            self.ledger.end([grant], "reuses found")
        else:
            reply = await self.sure("POST", f"{TOKEN}/revoke", {**credentials, "token": grant.refresh})
            assert reply.status == 200, reply.text
            self.ledger.end([grant], "revocations")
        self.grants[grant.app.client.type.name].remove(grant)

    async def remove_access(self) -> None:
        """Take an app's access away, on the page of connected apps."""
        kind = self._random.choice(KINDS)
        if not self.grants[kind]:
            return
        while True:
            page = await self.sure_page("/account/apps")
            assert page.status == 200, (page.status, page.headers)
            client_id = self.center.apps[kind].id
            reply = await self.submit(page, "/account/apps/remove", client_id=client_id)
            if reply.known:
                break
            self.allowed[kind] = None
        unsure = self.allowed[kind] is None
        assert reply.status == 303 or (unsure and reply.status == 404), (reply.status, reply.text)
        self.allowed[kind] = False
        self.ledger.end(self.grants[kind], "removals of access")
        self.grants[kind] = []

    async def decide_on_device(self) -> None:
        """A device asks, its person decides, and it gets its answer."""
        app = self.center.apps["non-browser"]
        if len(self.grants["non-browser"]) >= MOST_GRANTS:
            await self.revoke(self.grants["non-browser"][0])
        started = await self.ask("POST", "/oauth/v3/device/code", {"client_id": app.id, "scope": SCOPE})
        if not started.known:
            return
        poll = {
            **app.credentials,
            "grant_type": DEVICE_GRANT,
            "device_code": started.json["device_code"],
        }
        waiting = await self.ask("POST", TOKEN, poll)
        assert not waiting.known or waiting.json["error"] == "authorization_pending", waiting.text
        decision = self._random.choice(("allow", "allow", "deny"))
        decided = await self._decide(started.json["user_code"], decision)
        if decided is None:
            return
        if not decided.known:
            self.allowed["non-browser"] = None
            last = await self.sure("POST", TOKEN, poll)
            if last.status == 200:
                self._keep(app, last)
            return
        assert decided.status == 200, (decided.status, decided.text)
        self.ledger.done["device decisions"] += 1
        if decision == "deny":
            told = await self.sure("POST", TOKEN, poll)
            assert told.json.get("error") == "access_denied", told.text
            return
        self.allowed["non-browser"] = True
        replies = await self._both(poll)
        if all(not reply.known for reply in replies):
            replies.append(await self.sure("POST", TOKEN, poll))
        self._take_only_winner(app, replies)

    async def _decide(self, user_code: str, decision: str) -> Reply | None:
        """The answer to the decision; None when it never came to one."""
        page = await self.ask("GET", "/device", browser=True)
        if page.known:
            page = await self.submit(page, "/oauth/v3/device", user_code=user_code)
        if page.known:
            assert page.status == 303, (page.status, page.text)
            page = await self.ask("GET", page.headers["location"], browser=True)
        if not page.known:
            return None
        assert 'name="decision"' in page.text, page.text
        return await self.submit(page, "/oauth/v3/device/decision", decision=decision)

    async def look(self) -> None:
        """A live token works, a dead one does not."""
        grant = self._any_grant()
        if grant is not None:
            await self.check_live(grant)
        if self.ledger.dead:
            await self.check_dead(self._random.choice(self.ledger.dead[-50:]))

    async def check_live(self, grant: Grant) -> None:
        """What was handed out last works."""
        told = await self.sure("GET", "/oauth/v2/userinfo", bearer=grant.access)
        assert told.status == 200, f"an acknowledged authorization is gone: {told.text}"

    async def check_dead(self, grant: Grant) -> None:
        """Nothing of it works any more."""
        told = await self.sure("GET", "/oauth/v2/userinfo", bearer=grant.access)
        assert told.status == 401, "a token works after its acknowledged end"
        fields = {**grant.app.credentials, "grant_type": "refresh_token", "refresh_token": grant.refresh}
        told = await self.sure("POST", TOKEN, fields)
        assert told.json.get("error") == "invalid_grant", "a refresh token works after its acknowledged end"

    async def check(self) -> None:
        """All that this person was told holds."""
        kind = "server-based"
        if self.allowed[kind] is not None:
            silent = self.authorization_request(self.center.apps[kind], prompt="none")
            location = (await self.sure_page(silent)).headers["location"]
            assert ("code=" in location) == self.allowed[kind], (
                f"the consent is not as acknowledged: {location}"
            )
        for grants in self.grants.values():
            for grant in grants:
                await self.check_live(grant)
        for _ in range(len(self._all())):
            await self.refresh()

    def _all(self) -> list[Grant]:
        return [grant for grants in self.grants.values() for grant in grants]
