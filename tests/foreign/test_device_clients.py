"""Devices: oauthlib's client for RFC 8628, and the vendor's own poll, with the person in Chromium."""

import time

import httpx2
import pytest
from oauthlib.oauth2 import DeviceClient
from playwright.sync_api import Page

from tests.browsing import decide, sign_in
from tests.running import Demo

pytestmark = [pytest.mark.foreign, pytest.mark.browser]

SCOPE = "CRM.modules.leads.READ"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def plain_http_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def enter_code(page: Page, demo: Demo, address: str, user_code: str, decision: str) -> None:
    """What the person does who sits before the device: open the address, enter the code, sign in, answer."""
    person = demo.user()
    page.goto(address)
    if not page.input_value("input[name=user_code]"):
        page.fill("input[name=user_code]", user_code)
    page.click("main button[type=submit]")
    page.wait_for_load_state()
    if page.locator("input[name=password]").count():
        sign_in(page, person["email"], person["password"])
    assert page.locator(".big-code [aria-hidden]").inner_text().replace("-", "") == plain(user_code)
    decide(page, decision)


def plain(user_code: str) -> str:
    """The letters of a user code, however it was typed."""
    return user_code.upper().replace("-", "").replace(" ", "")


def poll(url: str, body: str, seconds: float) -> httpx2.Response:
    """Ask until there is another answer than "not yet", as a device does; slower when told."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = httpx2.post(url, content=body, headers=FORM)
        error = answer.json().get("error")
        if error == "slow_down":
            seconds += 5
        elif error != "authorization_pending":
            return answer
        time.sleep(seconds)
    raise AssertionError("no answer within a minute")


@pytest.mark.parametrize("complete", [False, True], ids=["typed code", "link with the code in it"])
def test_a_device_gets_tokens_after_its_person_allowed_it(complete: bool, demo: Demo, page: Page) -> None:
    """RFC 8628, with oauthlib's client, which sends its first call in the query of a POST; no secret."""
    device = DeviceClient(demo.client("non_browser")["client_id"], scope=[SCOPE])
    first = httpx2.post(device.prepare_request_uri(f"{demo.issuer}/oauth/v3/device/code"))
    told = first.json()
    assert told["verification_uri"] == told["verification_url"] == f"{demo.issuer}/device"
    assert told["user_code"] in told["verification_uri_complete"]
    token_url = f"{demo.issuer}/oauth/v2/token"
    body = device.prepare_request_body(told["device_code"], include_client_id=True)
    early = httpx2.post(token_url, content=body, headers=FORM)
    assert (early.status_code, early.json()["error"]) == (400, "authorization_pending")
    polled_at = time.monotonic()

    address = told["verification_uri_complete"] if complete else told["verification_uri"]
    enter_code(page, demo, address, told["user_code"], "allow")
    time.sleep(max(0.0, told["interval"] + 0.5 - (time.monotonic() - polled_at)))
    answer = poll(token_url, body, told["interval"])
    token = device.parse_request_body_response(answer.text)
    assert token["refresh_token"]
    leads = {"url": f"{demo.api_domain}/crm/v8/Leads?fields=Last_Name", "method": "GET"}
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert httpx2.request(**leads, headers=headers).json()["data"]

    refresh = device.prepare_refresh_body(refresh_token=token["refresh_token"], client_id=device.client_id)
    rotated = httpx2.post(token_url, content=refresh, headers=FORM).json()
    assert rotated["refresh_token"] != token["refresh_token"]
    spent = httpx2.post(token_url, content=body, headers=FORM)
    assert spent.json()["error"] == "invalid_grant"


def test_a_device_is_told_when_its_person_says_no(demo: Demo, page: Page) -> None:
    device = DeviceClient(demo.client("non_browser")["client_id"], scope=[SCOPE])
    told = httpx2.post(device.prepare_request_uri(f"{demo.issuer}/oauth/v3/device/code")).json()
    enter_code(page, demo, told["verification_uri"], told["user_code"].lower().replace("-", " "), "deny")
    body = device.prepare_request_body(told["device_code"], include_client_id=True)
    answer = poll(f"{demo.issuer}/oauth/v2/token", body, told["interval"])
    assert (answer.status_code, answer.json()["error"]) == (400, "access_denied")


def test_a_device_polls_as_the_vendor_writes_it(demo: Demo, page: Page) -> None:
    """Its own address, `device_token` as the grant type, the device code in `code`, a secret beside it."""
    client = demo.client("non_browser")
    credentials = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    start = {
        "grant_type": "device_request",
        "client_id": client["client_id"],
        "scope": f"{SCOPE},CRM.org.READ",
    }
    told = httpx2.post(f"{demo.issuer}/oauth/v3/device/code", data={**start, "access_type": "offline"}).json()
    enter_code(page, demo, told["verification_uri"], told["user_code"], "allow")
    asked = {"grant_type": "device_token", "code": told["device_code"], **credentials}
    token = httpx2.post(f"{demo.issuer}/oauth/v3/device/token", data=asked).json()
    assert token["scope"] == f"{SCOPE} CRM.org.READ"
    assert token["api_domain"] == demo.api_domain
    again = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"], **credentials}
    assert httpx2.post(f"{demo.issuer}/oauth/v2/token", data=again).json()["access_token"]
