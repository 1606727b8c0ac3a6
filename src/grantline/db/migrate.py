"""Migrations: numbered SQL files, each applied once, in order, in a transaction."""

from importlib.resources import files
from typing import Final

from grantline.db.database import Database

_VERSION_TABLE: Final = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)"


def _scripts() -> list[tuple[int, str]]:
    folder = files("grantline.db") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name.split("_")[0]), (folder / name).read_text()) for name in names]


async def schema_version(db: Database) -> int:
    """The number of the last migration applied; 0 for an empty database."""
    row = await db.one("SELECT name FROM sqlite_master WHERE name = 'schema_version'")
    if row is None:
        return 0
    newest = await db.one("SELECT MAX(version) FROM schema_version")
    return int(newest[0] or 0) if newest is not None else 0


async def migrate(db: Database) -> int:
    """Apply the migrations that are missing; gives how many. Safe to run by several processes at once."""
    newest = _scripts()[-1][0]
    if await schema_version(db) >= newest:
        return 0
    applied = 0
    async with db.transaction() as tx:
        await tx.run(_VERSION_TABLE)
        row = await tx.one("SELECT MAX(version) FROM schema_version")
        present = int(row[0] or 0) if row is not None else 0
        for version, script in _scripts():
            if version <= present:
                continue
            for statement in script.split(";"):
                if statement.strip():
                    await tx.run(statement)
            await tx.run("INSERT INTO schema_version (version) VALUES ($1)", version)
            applied += 1
    return applied
