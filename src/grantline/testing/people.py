"""Who takes part: apps, people, and what people decide. A person here goes through the real pages: signs in,
reads what the app asks for, and presses a button."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Final
from urllib.parse import urljoin

import httpx2
from argon2 import PasswordHasher

from grantline.accounts import Account
from grantline.clients import Client

PASSWORD: Final = "correct horse battery"
QUICK_HASH: Final = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
_STEPS: Final = 8


class NotDecided(AssertionError):
    """A page asks a person something that the test did not decide beforehand; the message says what to
    add."""


@dataclass(frozen=True, slots=True)
class RegisteredApp:
    """An app that the server knows."""

    client: Client = field(repr=False)
    issuer: str
    client_secret: str = field(repr=False)
    """Empty for apps that have none."""

    @property
    def client_id(self) -> str:
        """Its client ID."""
        return self.client.id

    @property
    def type(self) -> str:
        """As `server-based`."""
        return self.client.type.name

    @property
    def redirect_uri(self) -> str:
        """Its first redirect URI; empty where it has none."""
        return self.client.redirect_uris[0] if self.client.redirect_uris else ""

    @property
    def credentials(self) -> Mapping[str, str]:
        """What authenticates it in the body of a request."""
        secret = {"client_secret": self.client_secret} if self.client_secret else {}
        return {"client_id": self.client_id, **secret}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account."""

    account: Account = field(repr=False)
    email: str
    password: str = field(default=PASSWORD, repr=False)

    @property
    def sub(self) -> str:
        """The subject identifier, as id_tokens have it."""
        return self.account.sub


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says to an app. Without scopes it is said to whatever the app asks for."""

    person: Person
    scope: tuple[str, ...]
    allow: bool

    def answer(self, client_id: str, asked: str) -> str:
        """The button. Raises NotDecided when the app asks for more than was decided."""
        names = asked.replace(",", " ").split()
        more = [one for one in names if self.scope and one not in self.scope]
        if more and self.allow:
            raise NotDecided(
                f"{client_id} asks {self.person.email} for {' '.join(more)}, and no consent to that is"
                " recorded. Add it to server.consent(…)."
            )
        return "allow" if self.allow else "deny"


class Browser:
    """A person's browser: it keeps cookies and says where its forms come from."""

    def __init__(self, app: Any, issuer: str, person: Person) -> None:
        self._issuer, self._person = issuer, person
        self._http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=issuer)

    async def authorize(self, url: str, button: str) -> httpx2.Response:
        """Go through sign-in and consent as far as they come up; the redirect back to the app, or the page
        where it stopped."""
        page, _ = await self._walk(await self._http.get(url), button)
        return page

    async def enter(self, user_code: str, button: str) -> None:
        """Enter a device's code and decide. Raises NotDecided when no page asks for a decision."""
        page = await self._press(await self._http.get("/device"), {"user_code": user_code})
        page, decided = await self._walk(page, button)
        if not decided or page.status_code >= 400:
            raise NotDecided(f"The code {user_code} was not taken: {heading(page)}")

    async def _walk(self, page: httpx2.Response, button: str) -> tuple[httpx2.Response, bool]:
        """The page where it ends, and whether the button was pressed on the way."""
        decided = False
        for _ in range(_STEPS):
            if page.is_redirect:
                target = urljoin(self._issuer, page.headers["location"])
                if not target.startswith(f"{self._issuer}/"):
                    break
                page = await self._http.get(target)
            elif 'name="password"' in page.text:
                page = await self._sign_in(page)
            elif 'name="decision"' in page.text:
                page = await self._press(page, {"decision": button})
                decided = True
            else:
                break
        return page, decided

    async def _sign_in(self, page: httpx2.Response) -> httpx2.Response:
        who = {"email": self._person.email, "password": self._person.password}
        return await self._press(page, who, path="/signin")

    async def _press(
        self, page: httpx2.Response, said: Mapping[str, str], *, path: str = ""
    ) -> httpx2.Response:
        fields = {**_hidden(page), **said}
        headers = {"Origin": self._issuer}
        return await self._http.post(path or _action(page), data=fields, headers=headers)

    async def close(self) -> None:
        """Let it go."""
        await self._http.aclose()


def heading(page: httpx2.Response) -> str:
    """What a page says first."""
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page.text, re.S)
    return unescape(re.sub(r"<[^>]+>", "", found[1])).strip() if found else f"status {page.status_code}"


def _hidden(page: httpx2.Response) -> dict[str, str]:
    found = re.findall(r'name="(flow|token)" value="([^"]*)"', page.text)
    return {name: unescape(value) for name, value in found}


def _action(page: httpx2.Response) -> str:
    found = re.search(r'<form[^>]* action="([^"]+)"', page.text)
    if found is None:
        raise NotDecided(f"{page.request.url.path} answered {page.status_code} without a form.")
    return unescape(found[1])
