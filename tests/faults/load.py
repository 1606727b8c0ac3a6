"""Mixed load on a data center whose processes die: everybody at once, and everything checked at the end."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.center import Center, Node
from tests.faults.ledger import Ledger
from tests.faults.person import PAUSE_SECONDS, TOKEN, Person
from tests.site import VERIFIER


class Load:
    """All people at once."""

    def __init__(self, center: Center, seed: str) -> None:
        self.center = center
        self.ledger = Ledger()
        self.people = [Person(center, self.ledger, email, seed) for email in center.people]
        self._running = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Sign everybody in, and let them begin."""
        for person in self.people:
            if not person.cookies:
                await person.sign_in()
        self._running.set()
        self._tasks = [asyncio.create_task(person.live(self._running)) for person in self.people]

    async def run_for(self, seconds: float) -> None:
        """Let them go on for a while; raises at once what one of them found wrong."""
        done, _ = await asyncio.wait(self._tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def is_ready(self, node: Node) -> bool:
        """Whether a node can serve; lets people go on for a moment when it can't."""
        if (await node.caller.call("GET", "/health/ready")).status == 200:
            return True
        assert node.running.popen.poll() is None, node.running.log()
        await self.run_for(0.02)
        return False

    async def until_back(self) -> float:
        """Return once every node is ready and everybody has done something; gives the seconds."""
        began = time.monotonic()
        for node in self.center.nodes:
            while not await self.is_ready(node):
                pass
        await self.each_does(1)
        return time.monotonic() - began

    async def each_does(self, steps: int) -> None:
        """Return once everybody has done so many things more."""
        goals = [person.steps + steps for person in self.people]
        while any(person.steps < goal for person, goal in zip(self.people, goals, strict=True)):
            await self.run_for(PAUSE_SECONDS)

    async def stop(self) -> None:
        """Let everybody finish what they are at."""
        self._running.clear()
        await asyncio.gather(*self._tasks)

    async def check(self) -> None:
        """Everything acknowledged holds: grants and consents live, ended ones are dead, codes spent."""
        await asyncio.gather(*(person.check() for person in self.people))
        await asyncio.gather(*(self._check_ended(at) for at in range(len(self.people))))

    async def _check_ended(self, share: int) -> None:
        person, count = self.people[share], len(self.people)
        for grant in self.ledger.dead[share::count]:
            await person.check_dead(grant)
        for app, code in self.ledger.spent[share::count]:  # last, since it may end what the code yielded
            given = {"grant_type": "authorization_code", "code": code, "redirect_uri": app.redirect_uri}
            told = await person.sure("POST", TOKEN, {**app.credentials, **given, "code_verifier": VERIFIER})
            assert told.json.get("error") == "invalid_grant", "a spent code was redeemed again"


@asynccontextmanager
async def load_on(center: Center, seed: str = "1") -> AsyncIterator[Load]:
    """Load that begins now; at the end it is stopped and everything is checked."""
    load = Load(center, seed)
    await load.start()
    try:
        yield load
        await load.each_does(5)
        await load.stop()
        await load.check()
        assert center.problems() == []
    except BaseException:
        print(load.ledger.render(), *center.problems(), sep="\n")
        raise
    finally:
        for task in load._tasks:
            task.cancel()
        await asyncio.gather(*load._tasks, return_exceptions=True)
