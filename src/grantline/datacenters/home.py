"""Which data center a database belongs to: written down once, so that no other is ever served from it."""

from dataclasses import dataclass

from grantline.db import Database


class WrongDataCenter(ValueError):
    """The database belongs to another data center, or to a demo; the message says so."""


@dataclass(frozen=True, slots=True)
class Home:
    """What a database knows of its data center."""

    code: str
    issuer: str
    demo: bool


async def find_home(db: Database) -> Home | None:
    """The data center of this database; None before it was first served."""
    row = await db.one("SELECT code, issuer, demo FROM home WHERE one = 1")
    return Home(row[0], row[1], bool(row[2])) if row is not None else None


async def settle(db: Database, home: Home) -> None:
    """Make the database this data center's. Raises WrongDataCenter when it is another's, or a demo's and this
    is none (T124)."""
    present = await find_home(db)
    if present is not None and present.code != home.code:
        raise WrongDataCenter(
            f"This database belongs to the data center {present.code}, not {home.code}. Use another"
            " database, or set"
            f" GRANTLINE_DATA_CENTER={present.code}."
        )
    if present is not None and present.demo != home.demo:
        kind = "a demo's" if present.demo else "not a demo's"
        raise WrongDataCenter(f"This database is {kind}. Use another one: the demo's passwords are known.")
    if present != home:
        await db.run(
            "INSERT INTO home (one, code, issuer, demo) VALUES (1, $1, $2, $3)"
            " ON CONFLICT (one) DO UPDATE SET issuer = $2",
            home.code,
            home.issuer,
            int(home.demo),
        )
