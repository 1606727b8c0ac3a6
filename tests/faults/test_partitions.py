"""The network between two data centers is cut while apps change, in real processes: each half serves its own
people meanwhile, and afterwards both say the same (T109, T113)."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from grantline.accounts import create_account, personal_organization
from grantline.cli.offline import offline_mint
from grantline.cli.running import Workplace
from grantline.clients import (
    Client,
    add_secret_for,
    delete_client,
    find_client,
    find_import,
    list_elsewhere,
    register_client,
    registration_of,
    reset_secrets,
    set_data_centers,
    set_disabled,
    update_client,
)
from grantline.datacenters import (
    ADDRESS,
    HEADER,
    MESSAGE_TYPE,
    claims_of_message,
    find_home,
    system_clock,
)
from grantline.db import Database, open_database
from tests.centers import Center, Centers, start_centers
from tests.site import PASSWORD, REGISTRATIONS, App, answer_of, hidden_fields

PATIENCE_SECONDS: Final = 60
SCOPE: Final = "openid email"
PERSON: Final = "lena@example.com"


@pytest.fixture
def centers(tmp_path: Path) -> Iterator[Centers]:
    with start_centers(tmp_path, cuttable=True) as running:
        yield running


class Half:
    """One data center as its own people and developers see it: past the relay, and its rows."""

    def __init__(self, center: Center, db: Database) -> None:
        self.center = center
        self.db = db
        self.account_id = 0
        self.http = httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{center.listens_at}",
            headers={"host": f"127.0.0.1:{center.port}", "origin": center.issuer},
            timeout=30,
        )

    @property
    def code(self) -> str:
        return self.center.code

    async def settle(self, password_hash: str) -> None:
        """Somebody lives here."""
        account = await create_account(
            self.db,
            email=PERSON,
            password_hash=password_hash,
            given_name="Lena",
            family_name="Berg",
            now=system_clock(),
        )
        self.account_id = account.id

    async def register(self, name: str, *codes: str) -> App:
        organization = await personal_organization(self.db, self.account_id)
        client, secret = await register_client(
            self.db,
            type_name="server-based",
            asked=replace(REGISTRATIONS["server-based"], name=name, data_centers=(self.code, *codes)),
            owner_account_id=self.account_id,
            organization_id=organization.id,
            data_center=self.code,
            now=system_clock(),
        )
        return App(client, secret)

    async def app(self, app: App) -> Client:
        found = await find_client(self.db, app.id)
        assert found is not None
        return found

    async def token(self, app: App, secret: str | None = None, **fields: str) -> dict[str, Any]:
        fields = {"grant_type": "refresh_token", "refresh_token": "none", **fields}
        credentials = {"client_id": app.id, "client_secret": secret or app.secret or ""}
        answer = await self.http.post("/oauth/v2/token", data={**credentials, **fields})
        members: dict[str, Any] = answer.json()
        return members

    async def serves(self, app: App, secret: str | None = None) -> str:
        """Empty when the app may ask here; else the error that it gets."""
        members = await self.token(app, secret)
        return "" if members["error"] == "invalid_grant" else f"{members['error_description']}"

    async def sign_in(self, app: App, secret: str | None = None) -> dict[str, Any]:
        """A person of this half signs in and allows the app; its tokens."""
        self.http.cookies.clear()
        asked = {
            "client_id": app.id,
            "redirect_uri": app.redirect_uri,
            "response_type": "code",
            "scope": SCOPE,
            "access_type": "offline",
            "prompt": "consent",
        }
        page = await self.http.get("/oauth/v2/auth", params=asked)
        credentials = {"email": PERSON, "password": PASSWORD}
        page = await self.http.post("/signin", data={**hidden_fields(page), **credentials})
        page = await self.http.get(page.headers["location"].removeprefix(self.center.issuer))
        if 'name="decision"' in page.text:
            fields = {**hidden_fields(page), "decision": "allow"}
            page = await self.http.post("/oauth/v2/auth/decision", data=fields)
        code = answer_of(page)["code"]
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": app.redirect_uri}
        tokens = await self.token(app, secret, **fields)
        assert "refresh_token" in tokens, tokens
        return tokens

    async def refresh(self, app: App, tokens: dict[str, Any], secret: str | None = None) -> str:
        """Empty when refreshing works; else the error."""
        members = await self.token(app, secret, refresh_token=tokens["refresh_token"])
        return str(members.get("error", ""))

    async def state(self, app: App) -> tuple[str, int]:
        found = await find_import(self.db, app.id)
        return (found.state, found.version) if found is not None else ("", 0)

    async def audited(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        rows = await self.db.all("SELECT client_id, detail FROM audit WHERE kind = $1 ORDER BY rowid", kind)
        return [(row[0], json.loads(row[1])) for row in rows]


@asynccontextmanager
async def halves(centers: Centers, password_hash: str, *codes: str) -> AsyncIterator[dict[str, Half]]:
    found = {}
    for code in codes or tuple(centers.by_code):
        half = Half(centers[code], await open_database(centers[code].database, create=False))
        await half.settle(password_hash)
        found[code] = half
    try:
        yield found
    finally:
        for half in found.values():
            await half.http.aclose()
            await half.db.close()


async def until(holds: Callable[[], Awaitable[object]]) -> None:
    """Return once it holds: within a second or two, and later on a busy machine."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        await asyncio.sleep(0.1)


async def settled(home: Half, *apps: App) -> bool:
    """Whether every other data center has confirmed everything."""
    rows = [row for app in apps for row in await list_elsewhere(home.db, app.id)]
    return bool(rows) and not any(row.waiting for row in rows)


def cut(centers: Centers) -> None:
    assert centers.relays is not None
    for relay in centers.relays.values():
        relay.cut()


def heal(centers: Centers) -> None:
    assert centers.relays is not None
    for relay in centers.relays.values():
        relay.heal()


async def check_applied_once(eu: Half) -> None:
    """Of each app every version came once, and none after a newer one."""
    seen: dict[str, int] = {}
    for client_id, detail in await eu.audited("client.imported"):
        assert detail["version"] > seen.get(client_id, 0), detail
        seen[client_id] = detail["version"]


async def test_T113_both_halves_serve_their_people_while_the_network_is_cut_and_agree_afterwards(
    centers: Centers, password_hash: str
) -> None:
    async with halves(centers, password_hash) as both:
        us, eu = both["us"], both["eu"]
        steady, reset, renamed, gone, off = [
            await us.register(name, "eu") for name in ("Steady", "Reset", "Renamed", "Gone", "Off")
        ]
        apps = (steady, reset, renamed, gone, off)
        await until(lambda: settled(us, *apps))
        here, there = await us.sign_in(reset), await eu.sign_in(reset)
        lost = await eu.sign_in(gone)

        cut(centers)
        now = system_clock()
        value, _ = await reset_secrets(us.db, await us.app(reset), "us", now)
        for name in ("Renamed once", "Renamed twice"):
            client = await us.app(renamed)
            await update_client(us.db, client, replace(registration_of(client), name=name), now)
        await delete_client(us.db, gone.id, now)
        await set_disabled(us.db, off.id, now, now)
        new = await us.register("New", "eu")
        async with us.db.transaction() as tx:
            own, _ = await add_secret_for(tx, await us.app(steady), "eu", now)
        async with us.db.transaction() as tx:
            await set_data_centers(tx, await us.app(renamed), ("us",), now)
        async with us.db.transaction() as tx:
            await set_data_centers(tx, await us.app(renamed), ("us", "eu"), now)

        assert await us.refresh(reset, here, value) == ""
        assert (await us.sign_in(new))["access_token"]
        assert (await eu.sign_in(steady))["access_token"]
        assert await eu.refresh(reset, there) == ""
        assert [await eu.state(app) for app in apps] == [("enabled", 1)] * 5
        assert await eu.state(new) == ("", 0)
        assert (await list_elsewhere(us.db, gone.id))[0].waiting

        heal(centers)
        await until(lambda: settled(us, *apps, new))
        assert await eu.serves(reset) == "The client secret is not right."
        assert await eu.refresh(reset, there, value) == ""
        assert (await eu.app(renamed)).name == "Renamed twice"
        assert await eu.state(gone) == ("deleted", 2)
        assert await eu.refresh(gone, lost) == "invalid_client"
        assert await eu.serves(off) == "This client is disabled."
        assert await eu.serves(new) == ""
        assert await eu.serves(steady, own) == ""
        assert await eu.serves(steady) == "The client secret is not right."
        for app in (steady, reset, renamed, off, new):
            assert (await eu.app(app)).version == (await us.app(app)).version
        await check_applied_once(eu)
        assert await eu.audited("client.import_refused") == []


async def test_a_message_that_the_network_held_back_undoes_nothing(
    centers: Centers, password_hash: str
) -> None:
    async with halves(centers, password_hash) as both:
        us, eu = both["us"], both["eu"]
        app = await us.register("Held", "eu")
        await until(lambda: settled(us, app))
        assert centers.relays is not None
        centers.relays["eu"].hold()
        client = await us.app(app)
        changed = replace(registration_of(client), redirect_uris=("https://app.example/left",))
        client = await update_client(us.db, client, changed, system_clock())

        async def on_its_way() -> bool:
            return (await list_elsewhere(us.db, app.id))[0].tries > 0

        await until(on_its_way)
        changed = replace(registration_of(client), redirect_uris=("https://app.example/new",))
        await update_client(us.db, client, changed, system_clock())
        await set_disabled(us.db, app.id, system_clock())
        centers.relays["eu"].heal()
        await until(lambda: settled(us, app))
        assert (await eu.app(app)).redirect_uris == ("https://app.example/new",)
        assert await eu.state(app) == ("disabled", 4)
        await check_applied_once(eu)


async def signed(center: Center, kind: str, body: bytes, receiver: Center) -> str:
    """What this data center itself would sign."""
    db = await open_database(center.database, create=False)
    try:
        home = await find_home(db)
        assert home is not None
        mint = await offline_mint(Workplace(db, home, center.database, system_clock()))
        other = next(one for one in mint.data_centers.others if one.code == receiver.code)
        claims = claims_of_message(
            kind, body, home=mint.home, receiver=other, id=str(time.monotonic_ns()), now=system_clock()
        )
        return str(mint.keyring.sign_message(claims, listed=mint.home.keys, typ=MESSAGE_TYPE))
    finally:
        await db.close()


def sent_to(centers: Centers, code: str, *, about: str) -> list[tuple[str, bytes]]:
    """Every message about this app that passed the relay: token and body."""
    assert centers.relays is not None
    found = []
    for stream in centers.relays[code].sent:
        while stream:
            head, _, rest = stream.partition(b"\r\n\r\n")
            lines = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if b": " in line)
            exact = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
            length = int(lines.get(b"content-length", b"0"))
            token = {name.lower(): value for name, value in exact.items()}.get(HEADER.encode(), b"")
            if about.encode() in rest[:length]:
                found.append((token.decode(), rest[:length]))
            stream = rest[length:]
    return found


async def deliver(half: Half, token: str, body: bytes) -> tuple[int, str]:
    answer = await half.http.post(ADDRESS, content=body, headers={HEADER: token})
    members = answer.json()
    return answer.status_code, members.get("reason", members.get("refused", ""))


async def test_T109_forged_repeated_and_old_messages_change_nothing_over_the_real_port(
    centers: Centers, password_hash: str
) -> None:
    async with halves(centers, password_hash) as both:
        us, eu = both["us"], both["eu"]
        app = await us.register("Told", "eu")
        await until(lambda: settled(us, app))
        client = await us.app(app)
        await update_client(
            us.db, client, replace(registration_of(client), name="Told again"), system_clock()
        )
        await until(lambda: settled(us, app))
        token, body = sent_to(centers, "eu", about='"name":"Told"')[0]
        evil = body.replace(b"app.example", b"evil.example")
        assert evil != body
        assert await deliver(eu, token, body) == (403, "a replay")
        assert await deliver(eu, token, evil) == (403, "another body")
        assert await deliver(us, token, body) == (403, "a sender that is not in the registry")
        forged = await signed(centers["eu"], "client", evil, centers["us"])
        assert (await deliver(eu, forged, evil))[0] == 403
        old = await signed(centers["us"], "client", body, centers["eu"])
        assert await deliver(eu, old, body) == (200, "stale")
        theirs = await eu.register("Theirs")
        taken = body.replace(app.id.encode(), theirs.id.encode())
        foreign = await signed(centers["us"], "client", taken, centers["eu"])
        assert await deliver(eu, foreign, taken) == (403, "a client of another data center")
        assert (await eu.app(app)).name == "Told again"
        assert (await eu.app(theirs)).owner_account_id == eu.account_id
        reasons = {detail["reason"] for _, detail in await eu.audited("message.refused")}
        assert reasons == {"a replay", "another body", "a client of another data center"} & reasons
        assert "a client of another data center" in reasons
        assert [detail["reason"] for _, detail in await eu.audited("client.import_refused")] == ["stale"]


async def test_a_third_data_center_comes_and_goes_while_apps_change(
    centers: Centers, password_hash: str
) -> None:
    async with halves(centers, password_hash) as both:
        us, eu = both["us"], both["eu"]
        app = await us.register("Far", "eu")
        await until(lambda: settled(us, app))
        centers.start("in")
        async with halves(centers, password_hash, "in") as third:
            there = third["in"]

            async def listed() -> bool:
                row = await us.db.one("SELECT 1 FROM data_centers WHERE code = 'in' AND listed = 1")
                return row is not None

            await until(listed)
            async with us.db.transaction() as tx:
                await set_data_centers(tx, await us.app(app), ("us", "eu", "in"), system_clock())
            await until(lambda: settled(us, app))
            tokens = await there.sign_in(app)
            assert await eu.serves(app) == ""

            centers.remove("in")

            async def removed() -> bool:
                return not await listed()

            await until(removed)
            client = await us.app(app)
            await update_client(
                us.db, client, replace(registration_of(client), name="Further"), system_clock()
            )

            async def eu_has_it() -> bool:
                return (await eu.app(app)).name == "Further"

            await until(eu_has_it)
            assert (await there.app(app)).name == "Far"
            waiting = {row.data_center: row.waiting for row in await list_elsewhere(us.db, app.id)}
            assert waiting["in"]
            assert await there.refresh(app, tokens) == ""

            centers.by_code["in"] = there.center
            centers.write()
            await until(lambda: settled(us, app))
            assert (await there.app(app)).name == "Further"


async def test_a_relay_that_is_cut_answers_nothing(centers: Centers) -> None:
    """The tests above show nothing if the network was never cut."""
    address = ("127.0.0.1", centers["eu"].port)
    cut(centers)
    with socket.create_connection(address, 5) as probe, pytest.raises(ConnectionError):
        probe.sendall(b"GET /health/ready HTTP/1.0\r\n\r\n")
        if not probe.recv(10):
            raise ConnectionResetError
