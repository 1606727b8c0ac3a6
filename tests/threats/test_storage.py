"""What a reader of the database finds: nothing that opens anything (T54)."""

import base64
from pathlib import Path

import pytest

from grantline.opaque import digest
from tests.conftest import SiteFactory
from tests.site import CHALLENGE, PASSWORD, VERIFIER, Site, hidden_fields


async def issue_everything(site: Site) -> dict[str, str]:
    """One run through all that hands out secrets; what was handed out, by name."""
    app, mobile, device = (
        await site.app("server-based"),
        await site.app("mobile"),
        await site.app("non-browser"),
    )
    own = await site.app("self-client")
    browser = await site.signed_in()
    secrets: dict[str, str] = {"password": PASSWORD, "state": "state-that-apps-keep-to-themselves"}
    for one in (app, device, own):
        secrets[f"secret of {one.client.type.name}"] = one.secret or ""
    for one in (app, mobile):
        tokens = await site.tokens(one, browser=browser, scope="openid CRM.modules.leads.READ")
        for kind in ("access_token", "refresh_token", "id_token"):
            secrets[f"{kind} of {one.client.type.name}"] = tokens[kind]
    rotated = (await site.refresh(mobile, secrets["refresh_token of mobile"])).json()
    secrets |= {
        "rotated access token": rotated["access_token"],
        "rotated refresh token": rotated["refresh_token"],
    }
    secrets["code"] = await site.code(app, browser=browser, state=secrets["state"])
    secrets["verifier"] = VERIFIER
    secrets["console code"] = await site.console_code(own)
    started = await site.device_start(device)
    page = await browser.submit(
        await browser.get("/device"), {"user_code": started["user_code"]}, path="/oauth/v3/device"
    )
    question = await browser.get(page.headers["location"])
    secrets |= {f"{name} of the device page": value for name, value in hidden_fields(question).items()}
    secrets |= {"device code": started["device_code"], "user code": started["user_code"]}
    secrets["user code, bare"] = started["user_code"].replace("-", "")
    waiting = await browser.get(
        "/oauth/v2/auth", params=site.request(app, prompt="consent", state=secrets["state"])
    )
    secrets |= {f"{name} of a question": value for name, value in hidden_fields(waiting).items()}
    secrets |= {f"{name} cookie": value for name, value in browser.http.cookies.items()}
    return secrets


@pytest.mark.sqlite_only
async def test_T54_the_database_and_its_log_hold_no_secret_that_was_handed_out(
    open_a_site: SiteFactory, tmp_path: Path
) -> None:
    """RFC 6819 §5.1.4.1.3: hashes, keyed hashes and sealed rows alone."""
    async with open_a_site() as site:
        secrets = await issue_everything(site)
        app = await site.app("server-based")
        files = [file for file in (tmp_path / "site1").iterdir() if "grantline.db" in file.name]
        assert {file.name for file in files} >= {"grantline.db", "grantline.db-wal"}
        stored = b"".join(file.read_bytes() for file in files)
    assert len(secrets) > 20
    for name, value in secrets.items():
        assert value, name
        if name.endswith("known cookie"):
            continue  # marks that say nothing and open nothing
        raw = value.encode()
        for spelled in (raw, base64.b64encode(raw), raw.hex().encode(), raw[::-1]):
            assert spelled not in stored, name
    assert digest(app.secret or "").hex().encode() in stored, "the scan sees what is stored"
    assert CHALLENGE.encode() in stored


async def test_T54_keys_lie_in_envelopes(open_a_site: SiteFactory, tmp_path: Path) -> None:
    """RFC 6819 §5.1.4.1: without the master key, which is not in the database, no row signs anything."""
    async with open_a_site() as site:
        _, mac = site.mint.keyring.newest_mac(site.clock())
        hidden = [
            mac,
            site.mint.keyring.refresh_mac,
            site.mint.keyring.form_mac,
            site.mint.keyring.user_code_mac,
        ]
        stored = b"".join(file.read_bytes() for file in (tmp_path / "site1").glob("*.db*"))
        for key in hidden:
            for spelled in (key, key.hex().encode(), base64.b64encode(key), base64.urlsafe_b64encode(key)):
                assert spelled not in stored
        assert b"PRIVATE KEY" not in stored
        assert b'"d":' not in stored
        assert b'"kty"' in stored, "the public parts are there"
