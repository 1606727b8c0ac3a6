"""Growth: what the same requests cost with ten thousand authorizations and with five million.

Rows are added in bulk, in SQL: copies of seeded ones, each for another account, all columns as the product
made them. The requests touch authorizations from the whole table at random.
"""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from bench.bulk import Bulk, PostgresBulk, SqliteBulk
from bench.cases import CASES, REFRESH, ROTATION
from bench.measure import Case, Figure, Plan
from bench.seed import opaque_token, open_engine
from bench.serving import Engine, serve
from bench.session import Session, say
from grantline.opaque import digest
from grantline.tokens import mint_refresh_token

AMOUNTS: Final = (10_000, 100_000, 1_000_000, 5_000_000)
QUICK_AMOUNTS: Final = (10_000, 50_000)
BAR: Final = 1.3
INTROSPECTION: Final = "introspection by an API"
_NAMES: Final = (REFRESH, ROTATION, INTROSPECTION)
_TOUCHED: Final = 100_000
_PER_ACCOUNT: Final = 5


@dataclass(frozen=True, slots=True)
class Grown:
    """What a request costs with so many authorizations, and how large the tables are then."""

    server: str
    name: str
    authorizations: int
    cost: float
    database_cost: float | None
    p99_ms: float
    errors: int
    bytes_per_authorization: float
    """Of the table of authorizations with its indexes, and for SQLite of the whole file."""
    log_bytes: float | None


def measure_growth(found: Session, amounts: Sequence[int]) -> list[Grown]:
    """The cases at each amount, on each engine. Sizes only grow, so one database serves all."""
    grown = []
    for engine in found.engines:
        bulk: Bulk = (
            SqliteBulk(found.data / "grantline.db") if engine.cluster is None else PostgresBulk(engine.url)
        )
        bulk.prepare()
        for amount in amounts:
            bulk.grow("accounts", amount // _PER_ACCOUNT)
            bulk.grow("authorizations", amount)
            say(f"{engine.name}: {amount:,} authorizations")
            bulk.settle()
            _write_bodies(engine, bulk, found.plan)
            size = bulk.bytes_of("authorizations") / bulk.count("authorizations")
            with serve(engine, [found.where.server]) as serving:
                for case in _cases():
                    figure = found.measured(serving, case, engine.data)
                    if figure is not None:
                        grown.append(_grown(figure, amount, size))
        bulk.close()
    return grown


def _cases() -> list[Case]:
    return [case for case in CASES if case.name in _NAMES]


def _grown(figure: Figure, amount: int, size: float) -> Grown:
    return Grown(
        figure.server,
        figure.name,
        amount,
        figure.cost,
        figure.database_cost,
        figure.p99_ms,
        figure.errors,
        size,
        figure.log_bytes,
    )


def _write_bodies(engine: Engine, bulk: Bulk, plan: Plan) -> None:
    """Refresh tokens for authorizations of the whole table, at random, and access tokens for others."""
    secrets: dict[str, str | None] = json.loads((engine.data / "apps.json").read_text())
    rows = bulk.sample(min(2 * _TOUCHED, bulk.count("authorizations")))
    minted = asyncio.run(_mint(engine, [number for number, _ in rows]))
    bulk.set_refresh_hashes(
        [(number, digest(refresh)) for (number, _), (refresh, _) in zip(rows, minted, strict=True)]
    )
    bodies: dict[bool, list[str]] = {False: [], True: []}
    for (_, client_id), (refresh, _) in zip(rows, minted, strict=True):
        secret = secrets[client_id]
        proof = {"client_secret": secret} if secret else {}
        fields = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": client_id, **proof}
        bodies[secret is None].append(urlencode(fields))
    asker = (engine.data / "api.txt").read_text()
    _write(engine.data / "introspection_api.0", [f"{asker}&token={access}" for _, access in minted])
    _write(engine.data / "refresh.0", bodies[False])
    for batch in range(plan.batches):
        _write(engine.data / f"rotation.{batch}", bodies[True][batch :: plan.batches])


async def _mint(engine: Engine, numbers: list[int]) -> list[tuple[str, str]]:
    """A refresh token and an access token for each authorization."""
    server = await open_engine(engine)
    now, keyring = server.clock(), server.mint.keyring
    minted = [
        (
            mint_refresh_token(keyring, server.code, number),
            await opaque_token(server, number, now),
        )
        for number in numbers
    ]
    await server.close()
    return minted


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n")
    os.sync()
