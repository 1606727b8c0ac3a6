"""A web app on Authlib's Starlette client: discovery, PKCE, id_token, userinfo and sign-out."""

import json
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.foreign.arrivals import let_a_person_decide
from tests.foreign.relying_party import build_party, served
from tests.running import Demo

pytestmark = [pytest.mark.foreign, pytest.mark.browser]


def test_a_relying_party_signs_a_person_in_and_out_by_discovery(demo: Demo, page: Page) -> None:
    client = demo.client("server_based")
    address = urlsplit(client["redirect_uris"][0])
    home = f"http://{address.netloc}"
    assert address.port is not None
    with served(build_party(demo.issuer, client, home), address.port):
        let_a_person_decide(page, demo, f"{home}/login")
        told = json.loads(page.locator("pre").inner_text())
        person = demo.user()
        assert told["claims"]["iss"] == demo.issuer
        assert told["claims"]["sub"] == told["userinfo"]["sub"]
        assert told["userinfo"]["email"] == person["email"]

        page.goto(f"{home}/logout")
        page.wait_for_url(f"{home}/signed-out?*")
        assert json.loads(page.locator("pre").inner_text()) == {"signed_out": True}
        page.goto(f"{demo.issuer}/account")
        assert page.locator("input[name=password]").count() == 1
