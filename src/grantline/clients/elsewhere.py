"""Where else an app works: the switch for each other data center, and how far it has got there.

An app lives in the data center that its id names. `clients.data_centers` says where its owner wants it to
work, and a row for each other data center says what that one has confirmed. Whoever changes what crosses
raises the app's version and calls `queue_definition` in the same transaction; what is sent then is the whole
app as it is (`crossing`), so nothing here remembers what was changed.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from grantline.clients.checks import FieldProblem, RegistrationRefused
from grantline.clients.client import Client, ClientSecret, parse_secrets
from grantline.clients.client_types import ClientType
from grantline.db import Database, Row, Transaction


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An app in another data center, as its home knows it. Instants in epoch seconds."""

    client_id: str
    data_center: str
    enabled: bool
    secrets: tuple[ClientSecret, ...] | None
    """Secrets of its own there; None: the same as at home."""
    wanted_version: int
    confirmed_version: int
    confirmed_at: int | None
    waiting_since: int | None
    """Since when a change has not arrived; None: everything has."""
    tries: int
    problem: str
    """Why that data center refused the last change; empty when it did not. That it does not answer stands
    with the data center (`datacenters.Standing`), not here."""

    @property
    def waiting(self) -> bool:
        """Whether a change is on its way."""
        return self.waiting_since is not None


_COLUMNS: Final = (
    "client_id, data_center, enabled, secrets, wanted_version, confirmed_version, confirmed_at,"
    " waiting_since, tries, problem"
)


def _elsewhere(row: Row) -> Elsewhere:
    secrets = parse_secrets(row[3]) if row[3] is not None else None
    return Elsewhere(row[0], row[1], bool(row[2]), secrets, row[4], row[5], row[6], row[7], row[8], row[9])


async def list_elsewhere(db: Database | Transaction, client_id: str) -> Sequence[Elsewhere]:
    """Every other data center where the app works or ever worked, by code; of a deleted app too."""
    rows = await db.all(
        f"SELECT {_COLUMNS} FROM client_elsewhere WHERE client_id = $1 ORDER BY data_center", client_id
    )
    return [_elsewhere(row) for row in rows]


async def find_elsewhere(tx: Database | Transaction, client_id: str, code: str) -> Elsewhere | None:
    """The app in this other data center, if it ever worked there."""
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM client_elsewhere WHERE client_id = $1 AND data_center = $2 FOR UPDATE",
        client_id,
        code,
    )
    return _elsewhere(row) if row is not None else None


async def check_data_centers(
    db: Database | Transaction, kind: ClientType, home: str, codes: Iterable[str], before: Sequence[str] = ()
) -> tuple[str, ...]:
    """The codes in their stored form, home first. `before`: where it works now, which may stay as it is.

    Raises RegistrationRefused: a code that is not listed, or a type that does not cross.
    """
    others = sorted({*codes} - {home})
    if others and not kind.crosses:
        raise _refused("%(type)s apps work in their own data center alone.", type=kind.title)
    if set(others) - set(before):
        rows = await db.all("SELECT code FROM data_centers WHERE listed = 1")
        listed = {row[0] for row in rows}
        for code in others:
            if code not in listed and code not in before:
                raise _refused("There is no data center %(code)s.", code=code[:60])
    return (home, *others)


def _refused(text: str, **values: object) -> RegistrationRefused:
    value = str(values.get("code", ""))
    return RegistrationRefused([FieldProblem("data_centers", text, value, values)])


async def set_data_centers(
    tx: Transaction, client: Client, codes: Iterable[str], now: int
) -> tuple[str, ...]:
    """Let the app work in these data centers and in no other; its own is always one of them. Gives them all.

    Raises RegistrationRefused; LookupError when the app was deleted meanwhile.
    """
    wanted = await check_data_centers(tx, client.type, client.data_center, codes, client.data_centers)
    changed = await tx.run(
        "UPDATE clients SET data_centers = $2, version = version + 1, updated_at = $3"
        " WHERE id = $1 AND deleted_at IS NULL",
        client.id,
        json.dumps(wanted),
        now,
    )
    if not changed:
        raise LookupError(client.id)
    await switch(tx, client.id, wanted)
    await queue_definition(tx, client.id, now, urgent=bool({*client.data_centers} - {*wanted}))
    return wanted


async def switch(tx: Transaction, client_id: str, wanted: Sequence[str]) -> None:
    """Write down for each other data center whether the app works there: `wanted` as `check_data_centers`
    gives it."""
    await tx.run("UPDATE client_elsewhere SET enabled = 0 WHERE client_id = $1", client_id)
    for code in wanted[1:]:
        await tx.run(
            "INSERT INTO client_elsewhere (client_id, data_center, enabled) VALUES ($1, $2, 1)"
            " ON CONFLICT (client_id, data_center) DO UPDATE SET enabled = 1",
            client_id,
            code,
        )


async def queue_definition(tx: Transaction, client_id: str, now: int, *, urgent: bool = False) -> None:
    """Send the app, as it is after this transaction, to every other data center where it works or worked.

    Its version was raised before, in the same transaction. `urgent`: something ends, and goes before the
    rest.
    """
    await tx.run(
        "UPDATE client_elsewhere SET wanted_version = (SELECT version FROM clients WHERE id = $1),"
        " due_at = $2, waiting_since = COALESCE(waiting_since, $2), tries = 0, problem = '',"
        " urgent = CASE WHEN urgent = 1 THEN 1 ELSE $3 END WHERE client_id = $1",
        client_id,
        now,
        int(urgent),
    )


async def is_import(db: Database | Transaction, client_id: str) -> bool:
    """Whether the app is registered in another data center: only that one changes it."""
    return await db.one("SELECT 1 FROM client_imports WHERE client_id = $1", client_id) is not None
