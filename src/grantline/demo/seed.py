"""What the demo starts with. Names are fixed; passwords, secrets and keys are random for each data folder and
stay (T124)."""

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from grantline.accounts import Account, create_account, find_account_by_email, personal_organization
from grantline.clients import (
    ApiDeclaration,
    Client,
    Registration,
    create_api,
    find_client,
    list_apis,
    register_client,
    registration_of,
    update_api,
    update_client,
)
from grantline.tokens import load_catalog
from grantline.web import Server

Person = tuple[str, str, str, str]
"""E-mail address, given name, family name, role."""
PEOPLE: Final[Mapping[str, tuple[Person, ...]]] = MappingProxyType(
    {
        "us": (
            ("mara@example.com", "Mara", "Lindqvist", "developer"),
            ("tomas@example.com", "Tomás", "Ibarra", "user"),
        ),
        "eu": (("ines@example.com", "Inês", "Carvalho", "user"),),
    }
)
"""Who lives in which data center."""
NAMES: Final = MappingProxyType({"us": "United States", "eu": "Europe"})
CRM_NAME: Final = "Sample CRM"


@dataclass(frozen=True, slots=True)
class Ports:
    """The demo's ports, counted from the first, as one of its data centers uses them."""

    base: int
    center: int = 0

    @property
    def accounts(self) -> int:
        """Accounts pages and console."""
        return self.base + self.center

    @property
    def crm(self) -> int:
        """The sample CRM API."""
        return self.base + len(PEOPLE) + self.center

    def sample(self, number: int) -> str:
        """Address of a sample application."""
        return f"http://127.0.0.1:{self.base + 4 + number}"


def app_registrations(ports: Ports) -> Mapping[str, tuple[str, Registration]]:
    """The five apps by their key in demo.json: type name and registration."""
    web, browser = ports.sample(0), ports.sample(1)
    return {
        "server_based": (
            "server-based",
            Registration(
                name="Lead Desk",
                homepage_url=web,
                redirect_uris=(f"{web}/callback", "http://localhost:8080/callback"),
                post_logout_redirect_uris=(f"{web}/signed-out",),
            ),
        ),
        "client_based": (
            "client-based",
            Registration(
                name="Lead Board",
                homepage_url=browser,
                redirect_uris=(f"{browser}/callback",),
                post_logout_redirect_uris=(f"{browser}/signed-out",),
                origins=(browser,),
                implicit=True,
            ),
        ),
        "self_client": ("self-client", Registration(name="Nightly export")),
        "non_browser": ("non-browser", Registration(name="Lead TV", homepage_url=ports.sample(2))),
        "mobile": (
            "mobile",
            Registration(
                name="Lead Pocket",
                homepage_url=ports.sample(3),
                redirect_uris=("com.example.leadpocket:/callback", "http://127.0.0.1/callback"),
            ),
        ),
    }


class Seed:
    """The demo's secrets, in a file of mode 0600 in the data folder: made once, the same ever after."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.values: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def get(self, key: str) -> Any:
        """A value, or None."""
        return self.values.get(key)

    def put(self, key: str, value: Any) -> None:
        """Keep a value."""
        self.values[key] = value
        write_private(self._path, json.dumps(self.values, indent=2))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, all of it or nothing (T122)."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.rename(path)


async def seed_people(server: Server, seed: Seed, wanted: Sequence[Person]) -> list[tuple[Account, str, str]]:
    """The demo's people of one data center: account, password and role each."""
    people = []
    for email, given, family, role in wanted:
        key = f"password {email}"
        if seed.get(key) is None:
            seed.put(key, f"{secrets.choice(_WORDS)}-{secrets.choice(_WORDS)}-{secrets.token_hex(4)}")
        password = str(seed.get(key))
        account = await find_account_by_email(server.db, email)
        if account is None:
            account = await create_account(
                server.db,
                email=email,
                password_hash=await server.passwords.hash(password),
                given_name=given,
                family_name=family,
                now=server.clock(),
            )
        people.append((account, password, role))
    return people


_WORDS: Final = (
    "amber anchor birch candle cedar cobalt copper coral ember fjord garnet harbor hazel indigo juniper"
    " lantern maple meadow"
    " nickel olive pebble quartz river saffron sage slate spruce thistle timber velvet willow"
).split()


Seeded = tuple[Client, str | None]
"""An app with its secret, if it has one."""


async def seed_clients(
    server: Server, seed: Seed, owner: Account, ports: Ports, data_centers: tuple[str, ...]
) -> dict[str, Seeded]:
    """The five apps, registered once; their addresses follow the ports. They work in all data centers, but
    the self client: its one person lives in one."""
    made = {}
    for key, (type_name, registration) in app_registrations(ports).items():
        everywhere = type_name != "self-client"
        asked = replace(registration, data_centers=data_centers if everywhere else ())
        made[key] = await _seed_client(server, seed, owner, f"client {key}", type_name, asked)
    return made


async def seed_self_client(server: Server, seed: Seed, owner: Account) -> Seeded:
    """The self client of a person who lives in another data center than the five apps."""
    asked = Registration(name=f"Nightly export {NAMES[server.code]}")
    return await _seed_client(server, seed, owner, f"client self_client {server.code}", "self-client", asked)


async def _seed_client(
    server: Server, seed: Seed, owner: Account, key: str, type_name: str, asked: Registration
) -> Seeded:
    known = seed.get(key)
    client = await find_client(server.db, known["client_id"]) if known else None
    if client is None:
        organization = await personal_organization(server.db, owner.id)
        client, secret = await register_client(
            server.db,
            type_name=type_name,
            asked=asked,
            owner_account_id=owner.id,
            organization_id=organization.id,
            data_center=server.code,
            now=server.clock(),
        )
        known = {"client_id": client.id, "client_secret": secret, "registered": _addresses(asked)}
        seed.put(key, known)
    elif known["registered"] != _addresses(asked):
        # The ports moved; whatever else somebody changed in the console stays.
        moved = _moved(registration_of(client), asked, since=known["registered"])
        client = await update_client(server.db, client, moved, server.clock())
        seed.put(key, {**known, "registered": _addresses(asked)})
    return client, known["client_secret"]


def _addresses(asked: Registration) -> list[list[str]]:
    return [
        list(asked.redirect_uris),
        list(asked.origins),
        list(asked.post_logout_redirect_uris),
        list(asked.data_centers),
    ]


def _moved(before: Registration, asked: Registration, *, since: list[list[str]]) -> Registration:
    # A folder of a demo that had one data center has no list of them.
    switched = since[3:] == [list(asked.data_centers)]
    return replace(
        before,
        homepage_url=asked.homepage_url,
        redirect_uris=asked.redirect_uris,
        origins=asked.origins,
        post_logout_redirect_uris=asked.post_logout_redirect_uris,
        data_centers=before.data_centers if switched else asked.data_centers,
    )


async def seed_crm(server: Server, seed: Seed, ports: Ports) -> tuple[str, str, str]:
    """The sample CRM, registered as any API would be: its identifier, client id and secret."""
    identifier = f"http://127.0.0.1:{ports.crm}"
    key = "crm" if server.code == "us" else f"crm {server.code}"
    known = seed.get(key)
    registered = {api.client_id: api for api in await list_apis(server.db)}
    if known is None or known["client_id"] not in registered:
        api, secret = await create_api(
            server.db,
            said=ApiDeclaration(identifier, "CRM", CRM_NAME),
            data_center=server.code,
            now=server.clock(),
        )
        known = {"client_id": api.client_id, "client_secret": secret}
        seed.put(key, known)
    elif registered[known["client_id"]].identifier != identifier:
        api = registered[known["client_id"]]
        said = replace(api.declaration, identifier=identifier)
        await update_api(server.db, api, said, server.clock())
    server.mint.catalog = await load_catalog(server.db)
    return identifier, known["client_id"], known["client_secret"]
