"""Settings of a client: what people see, its logo, its switch, its move and its end."""

import asyncio
import re
import struct
import zlib
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.audit import list_client_events
from grantline.clients import LogoRefused, find_client, find_client_for, read_logo, set_logo
from grantline.consent import count_people
from tests.site import ISSUER, App, Browser, Site
from tests.web.test_console import form_of, path_of


def png(
    width: int, height: int, *, pixels: bytes | None = None, beside: bytes = b"", tail: bytes = b""
) -> bytes:
    """A picture in one colour, with more beside and behind it if wanted."""

    def part(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x0b\x63\x50" * width) * height) if pixels is None else pixels
    parts = part(b"IHDR", header) + beside + part(b"IDAT", rows) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts + tail


def jpeg(width: int, height: int) -> bytes:
    """The frame of a picture, with a comment."""
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    scan = b"\xff\xda" + struct.pack(">HB", 8, 1) + b"\x01\x00\x00\x3f\x00" + b"\x12\xff\x00\x34"
    return b"\xff\xd8\xff\xfe\x00\x0csecret!!!!" + frame + scan + b"\xff\xd9" + b"<script>"


def webp(width: int, height: int) -> bytes:
    """A picture without loss, and a note beside it."""
    picture = b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little") + b"\0\0\0"
    parts = b"VP8L" + len(picture).to_bytes(4, "little") + picture + b"EXIF\x04\0\0\0note"
    return b"RIFF" + (len(parts) + 4).to_bytes(4, "little") + b"WEBP" + parts


@pytest.mark.parametrize(
    ("content", "kind"),
    [(png(40, 30), "image/png"), (jpeg(40, 30), "image/jpeg"), (webp(40, 30), "image/webp")],
)
def test_T87_a_logo_is_a_small_picture(content: bytes, kind: str) -> None:
    logo = read_logo(content)
    assert (logo.content_type, logo.width, logo.height) == (kind, 40, 30)
    again = read_logo(logo.content)
    assert again == logo, "what is kept is a picture by itself, and the same"
    for secret in (b"secret", b"<script>", b"note"):
        assert secret not in logo.content


def test_T87_what_a_file_holds_beside_its_picture_is_left_behind() -> None:
    text = b"tEXtComment\0<script>"
    beside = struct.pack(">I", len(text) - 4) + text + zlib.crc32(text).to_bytes(4, "big")
    assert read_logo(png(4, 4, beside=beside, tail=b"PK\x03\x04 another file")).content == png(4, 4)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "Choose a file"),
        (b"GIF89a", "no PNG, JPEG or WebP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "no PNG, JPEG or WebP"),
        (png(20_000, 20_000, pixels=b""), "512 by 512"),
        (png(0, 4, pixels=b"x"), "damaged"),
        (jpeg(513, 4), "512 by 512"),
        (webp(4, 513), "512 by 512"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 262_144, "larger than 256 KB"),
        (png(4, 4)[:-20], "damaged"),
        (png(4, 4).replace(b"IDAT", b"IDAU"), "damaged"),
        (png(4, 4, pixels=zlib.compress(bytes(1_000_000))), "damaged"),
        (jpeg(4, 4)[:30], "damaged"),
        (webp(4, 4)[:22], "damaged"),
    ],
)
def test_T87_what_is_no_small_picture_is_refused_with_a_sentence(content: bytes, told: str) -> None:
    with pytest.raises(LogoRefused, match=told):
        read_logo(content)


@given(st.sampled_from([png(4, 4), jpeg(4, 4), webp(4, 4)]), st.data())
def test_T87_no_damage_does_more_than_be_refused(content: bytes, data: Any) -> None:
    at = data.draw(st.integers(0, len(content)))
    broken = content[:at] + data.draw(st.binary(max_size=6)) + content[at + data.draw(st.integers(0, 6)) :]
    try:
        logo = read_logo(broken)
    except LogoRefused:
        return
    assert logo.width <= 512


async def upload(browser: Browser, app: App, content: bytes, **fields: str) -> httpx2.Response:
    path = path_of(app)
    token = form_of(await browser.get(f"{path}/settings"), "/settings")  # its own token is another one
    page = await browser.get(f"{path}/settings")
    found = re.search(
        r'/logo" enctype="multipart/form-data">\s*<input[^>]*name="token" value="([^"]+)"', page.text
    )
    assert found
    assert token["token"] != found[1]
    return await browser.http.post(
        f"{path}/logo",
        data={"token": found[1], **fields},
        files={"logo": ("logo.png", content, "image/svg+xml")},
        headers={"Origin": ISSUER},
    )


@pytest.mark.both_engines
async def test_T87_a_logo_is_served_from_here_alone_and_shown_when_people_are_asked(site: Site) -> None:
    app = await site.app("server-based")
    browser = await site.signed_in()
    assert (await upload(browser, app, png(40, 40))).headers["location"].endswith("?done=logo")
    client = await find_client(site.db, app.id)
    assert client is not None
    address = f"/logos/{client.logo_digest}"
    served = await site.browser().get(address)
    assert served.content == png(40, 40)
    assert served.headers["content-type"] == "image/png"
    assert served.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in served.headers["content-security-policy"]
    asked = await browser.get("/oauth/v2/auth", params=site.request(app))
    assert f'src="{address}"' in asked.text
    await upload(browser, app, png(41, 41))
    assert (await site.browser().get(address)).status_code == 404, "nobody shows it any more"
    await upload(browser, app, b"", remove="yes")
    gone = await find_client(site.db, app.id)
    assert gone is not None
    assert gone.logo_digest == ""
    kinds = [event.kind for event in await list_client_events(site.db, app.id)]
    assert kinds.count("client.updated") == 3


async def test_T87_a_logo_that_another_app_shows_stays(site: Site) -> None:
    app, other = await site.app("server-based"), await site.app("mobile")
    logo = read_logo(png(9, 9))
    for one in (app, other):
        await set_logo(site.db, one.client, logo, site.clock())
    found = await find_client(site.db, app.id)
    assert found is not None
    await set_logo(site.db, found, None, site.clock())
    assert (await site.browser().get(f"/logos/{logo.digest}")).status_code == 200


@pytest.mark.parametrize("content", [b"<svg/>", b"x" * 300_000])
async def test_T87_a_refused_logo_says_why_and_changes_nothing(site: Site, content: bytes) -> None:
    app = await site.app("server-based")
    page = await upload(await site.signed_in(), app, content)
    assert page.status_code == 400
    assert "Save it" in page.text
    assert await find_client(site.db, app.id) == app.client


async def test_T5_a_logo_needs_our_token_and_our_origin(site: Site) -> None:
    app = await site.app("server-based")
    browser, path = await site.signed_in(), f"{path_of(app)}/logo"
    files = {"logo": ("a", png(4, 4))}
    wrong = await browser.http.post(path, data={"token": "x"}, files=files, headers={"Origin": ISSUER})
    assert wrong.status_code == 403
    foreign = await browser.http.post(path, files=files, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    huge = await browser.http.post(path, content=b"x" * 400_000, headers={"Origin": ISSUER})
    assert huge.status_code in (400, 413)


async def test_links_are_saved_shown_at_consent_and_written_to_the_audit(site: Site) -> None:
    app = await site.app("server-based")
    browser, path = await site.signed_in(), f"{path_of(app)}/settings"
    shown = form_of(await browser.get(path), path)
    links = {"policy_url": "https://app.example/privacy", "terms_url": "https://app.example/terms"}
    saved = await browser.post(path, {**shown, **links})
    assert saved.headers["location"] == f"{path}?done=saved"
    asked = await browser.get("/oauth/v2/auth", params=site.request(app))
    for link in links.values():
        assert f'href="{link}" rel="noreferrer"' in asked.text
    [event, *_] = await list_client_events(site.db, app.id)
    assert event.kind == "client.updated"
    assert event.detail["after"] == links


async def test_a_client_that_is_switched_off_is_refused_until_it_is_on_again(site: Site) -> None:
    app = await site.app("server-based")
    tokens = await site.tokens(app)
    browser, path = await site.signed_in(), path_of(app)

    async def press() -> httpx2.Response:
        form = form_of(await browser.get(f"{path}/settings"), "/switch")
        return await browser.post(f"{path}/switch", form)

    assert (await press()).headers["location"].endswith("?done=off")
    assert (await site.refresh(app, tokens["refresh_token"])).status_code == 401
    assert "Switched off" in (await browser.get(f"{path}/settings")).text
    assert (await press()).headers["location"].endswith("?done=on")
    assert (await site.refresh(app, tokens["refresh_token"])).status_code == 200
    kinds = [event.kind for event in await list_client_events(site.db, app.id)]
    assert {"client.disabled", "client.enabled"} <= set(kinds)


async def team_of(site: Site, role: str = "owner") -> int:
    """A workspace beside the personal one, in which the site's account has this role."""
    await site.db.run("INSERT INTO workspaces (id, name, personal, created_at) VALUES (900, 'Harbour', 0, 1)")
    await site.db.run(
        "INSERT INTO workspace_members (account_id, workspace_id, role, joined_at) VALUES ($1, 900, $2, 1)",
        site.account.id,
        role,
    )
    return 900


@pytest.mark.both_engines
async def test_a_client_moves_to_another_workspace_of_the_person(site: Site) -> None:
    app = await site.app("server-based")
    team = await team_of(site)
    browser, path = await site.signed_in(), path_of(app)
    form = form_of(await browser.get(f"{path}/settings"), "/transfer")
    wrong = await browser.post(f"{path}/transfer", {**form, "workspace": "77"})
    assert wrong.status_code == 400
    moved = await browser.post(f"{path}/transfer", {**form, "workspace": str(team)})
    assert moved.headers["location"].endswith("?done=moved")
    found = await find_client_for(site.db, site.account.id, app.id)
    assert found is not None
    assert found[0].workspace_id == team
    rows = await site.db.all("SELECT kind, workspace_id FROM audit WHERE workspace_id IS NOT NULL")
    assert {("client.transferred", site.account.id), ("client.received", team)} <= {
        tuple(row) for row in rows
    }


async def test_a_client_does_not_move_to_where_the_person_may_only_look(site: Site) -> None:
    app = await site.app("server-based")
    await team_of(site, "viewer")
    page = await (await site.signed_in()).get(f"{path_of(app)}/settings")
    assert "/transfer" not in page.text
    assert "You are in no other workspace" in page.text


@pytest.mark.both_engines
async def test_deleting_says_how_many_people_lose_access(site: Site) -> None:
    app = await site.app("server-based")
    browser, path = await site.signed_in(), f"{path_of(app)}/settings"
    assert "Nobody uses it" in (await browser.get(path)).text
    await site.tokens(app)
    assert "One person loses access" in (await browser.get(path)).text
    tom = await site.person("tom@example.com")
    await site.authorize(app, browser=await site.signed_in(tom.email))
    assert await count_people(site.db, app.id) == 2
    assert "2 people lose access" in (await browser.get(path)).text


@pytest.mark.both_engines
async def test_a_change_by_somebody_else_in_between_is_kept(site: Site) -> None:
    """The form of one page leaves alone what another page changed after it was opened."""
    app = await site.app("server-based")
    browser, path = await site.signed_in(), path_of(app)
    settings = form_of(await browser.get(f"{path}/settings"), "/settings")
    redirects = form_of(await browser.get(f"{path}/redirects"), "/redirects")
    uris = "https://app.example/other"
    assert (await browser.post(f"{path}/redirects", {**redirects, "redirect_uris": uris})).status_code == 303
    assert (await browser.post(f"{path}/settings", {**settings, "name": "Lead Two"})).status_code == 303
    changed = await find_client(site.db, app.id)
    assert changed is not None
    assert (changed.name, changed.redirect_uris) == ("Lead Two", (uris,))


async def test_two_pages_saved_at_once_lose_nothing_of_each_other(site: Site) -> None:
    app = await site.app("server-based")
    browser, path = await site.signed_in(), path_of(app)
    settings = form_of(await browser.get(f"{path}/settings"), "/settings")
    redirects = form_of(await browser.get(f"{path}/redirects"), "/redirects")
    for number in range(5):
        name, uri = f"Lead {number}", f"https://app.example/{number}"
        answers = await asyncio.gather(
            browser.post(f"{path}/settings", {**settings, "name": name}),
            browser.post(f"{path}/redirects", {**redirects, "redirect_uris": uri}),
        )
        assert [answer.status_code for answer in answers] == [303, 303]
        changed = await find_client(site.db, app.id)
        assert changed is not None
        assert (changed.name, changed.redirect_uris) == (name, (uri,))
