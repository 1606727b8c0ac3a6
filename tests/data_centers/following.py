"""An app that knows nothing but its home, and a person's browser: both follow to the data center where the
person lives."""

import re
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from html import unescape
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx2

from tests.site import CHALLENGE

PATIENCE_SECONDS: Final = 60
MOST_PAGES: Final = 6
NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Everything here is http, and to load certificates would take longer than a request."""


def wait_until(holds: Callable[[], bool]) -> None:
    """Return once it holds; it takes a second or two, and as long as a busy machine needs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.05)


class NotFollowed(Exception):
    """A data center that home does not list is not connected to (T110)."""


class FollowingApp:
    """An app with the address of its home and its credentials; the rest it is told."""

    def __init__(self, home: str, client: Mapping[str, Any], *, origin: str = "") -> None:
        self.home = home
        self.client = client
        self.connected: list[str] = []
        """Where it sent anything."""
        self.serverinfo: Mapping[str, Any] = {}
        self.issuer = home
        self.tokens: dict[str, Any] = {}
        self._headers = {"Origin": origin} if origin else {}
        self.serverinfo = self.get(f"{home}/oauth/serverinfo").json()

    def get(self, url: str, **options: Any) -> httpx2.Response:
        self.connected.append(_origin(url))
        return httpx2.get(url, verify=NO_TLS, **options)

    def post(self, url: str, fields: Mapping[str, str]) -> httpx2.Response:
        self.connected.append(_origin(url))
        return httpx2.post(url, data=dict(fields), headers=self._headers, verify=NO_TLS)

    @property
    def credentials(self) -> dict[str, str]:
        """What it authenticates with."""
        return {key: self.client[key] for key in ("client_id", "client_secret") if key in self.client}

    def authorization_query(self, **more: str) -> str:
        """What it asks for; the same at every data center."""
        asked = {
            "client_id": self.client["client_id"],
            "response_type": "code",
            "redirect_uri": self.client["redirect_uris"][0],
            "scope": "CRM.modules.leads.READ CRM.users.READ",
            "access_type": "offline",
            "state": secrets.token_urlsafe(8),
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return "/oauth/v2/auth?" + urlencode(
            {name: value for name, value in {**asked, **more}.items() if value}
        )

    def follow(self, callback: Mapping[str, str]) -> None:
        """Take the issuer from an answer, if home lists it under the code that the answer gives. Raises
        NotFollowed."""
        issuer = callback["iss"]
        if self.serverinfo["locations"].get(callback["location"]) != issuer:
            raise NotFollowed(issuer)
        assert callback["accounts-server"] == issuer
        self.issuer = issuer

    def take(self, answer: httpx2.Response) -> dict[str, Any]:
        """Keep the tokens of an answer. Raises NotFollowed when home lists no data center with their API."""
        tokens: dict[str, Any] = answer.json()
        assert "access_token" in tokens, tokens
        if tokens["api_domain"] not in self.serverinfo["api_domains"].values():
            raise NotFollowed(tokens["api_domain"])
        self.tokens |= tokens
        return tokens

    def redeem(self, callback: Mapping[str, str], **more: str) -> dict[str, Any]:
        """Exchange the code of an answer."""
        self.follow(callback)
        fields = {"grant_type": "authorization_code", "code": callback["code"], **self.credentials, **more}
        return self.take(self.post(f"{self.issuer}/oauth/v2/token", fields))

    def refresh(self) -> httpx2.Response:
        fields = {"grant_type": "refresh_token", "refresh_token": self.tokens["refresh_token"]}
        return self.post(f"{self.issuer}/oauth/v2/token", {**fields, **self.credentials})

    def who(self) -> str:
        """E-mail address of whoever the token is for, as the sample CRM of their data center knows it."""
        answer = self.get(
            f"{self.tokens['api_domain']}/crm/v8/users?type=CurrentUser",
            headers={"Authorization": f"Bearer {self.tokens['access_token']}"},
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["users"][0]["email"])


class Person:
    """A browser, and somebody with an account in one data center."""

    def __init__(self, user: Mapping[str, str], issuers: Mapping[str, str]) -> None:
        self.user = user
        self._issuers = issuers
        self._http = httpx2.Client(follow_redirects=False, verify=NO_TLS)

    def leave(self) -> None:
        """Close the browser."""
        self._http.close()

    def decide(self, url: str, *, go_on_in: str = "", user_code: str = "") -> dict[str, str]:
        """Open an address, say where one lives if asked to, sign in, and allow; the parameters that reach the
        app, or the text of the last page."""
        page = self._settle(self._http.get(url))
        for _ in range(MOST_PAGES):
            decision = re.search(r'action="(/oauth/v[23]/(?:auth|device)/decision)"', page.text)
            if 'action="/oauth/v3/device"' in page.text:
                page = self._submit(page, "/oauth/v3/device", user_code=user_code)
            elif go_on_in:
                page = self._submit(page, "/signin/elsewhere", data_center=go_on_in)
                go_on_in = ""
            elif 'name="password"' in page.text:
                who = {"email": self.user["email"], "password": self.user["password"]}
                page = self._submit(page, "/signin", **who)
            elif decision:
                page = self._submit(page, decision[1], decision="allow")
        if page.status_code != 303:
            return {"page": page.text}
        parts = urlsplit(page.headers["location"])
        return dict(parse_qsl(parts.fragment or parts.query))

    def _submit(self, page: httpx2.Response, path: str, **fields: str) -> httpx2.Response:
        hidden = re.findall(r'name="(flow|token)" value="([^"]*)"', page.text)
        filled = {name: unescape(value) for name, value in hidden}
        here = _origin(str(page.url))
        answer = self._http.post(
            urljoin(here, path), data={**filled, **fields}, headers={"Origin": here, "Referer": str(page.url)}
        )
        return self._settle(answer)

    def _settle(self, answer: httpx2.Response) -> httpx2.Response:
        """The page that redirects lead to, as long as they stay with data centers."""
        while answer.status_code == 303:
            location = urljoin(str(answer.url), answer.headers["location"])
            if _origin(location) not in self._issuers.values():
                break
            answer = self._http.get(location)
        assert answer.status_code in (200, 303), (answer.status_code, answer.text)
        return answer


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
