"""From a database URL to a database that is ready: the driver chosen, the schema up to date."""

import os
from dataclasses import replace
from pathlib import Path

from grantline.db.database import Database
from grantline.db.migrate import is_current, migrate
from grantline.db.postgres_url import parse_address
from grantline.db.sqlite import SqliteDatabase


async def open_database(url: str, *, create: bool = True, migrated: bool = True) -> Database:
    """The database at `sqlite:///absolute/path` (or `sqlite://relative`) or `postgresql://…`, its schema
    up to date; with `migrated` False as it is.

    Raises ValueError for a URL of another kind, for a link in the place of the file and for a database that
    this release can't serve (SchemaRefused, MigrationFailed), FileNotFoundError when the file is missing and
    `create` is False, DatabaseUnavailable.
    """
    database = connect(url, create=create)
    if not migrated:
        return database
    try:
        if not await is_current(database):
            await _bring_up_to_date(url)
    except BaseException:
        await database.close()
        raise
    return database


async def _bring_up_to_date(url: str) -> None:
    database = connect(url, create=False, patient=True)
    try:
        await migrate(database)
    finally:
        await database.close()


def connect(url: str, *, create: bool, patient: bool = False) -> Database:
    """The database at this URL as it is. Raises as `open_database` does.

    A `patient` one lets statements take as long as they need.
    """
    if url.startswith("sqlite://"):
        path = Path(url.removeprefix("sqlite://"))
        _make_sure(path, create=create)
        return SqliteDatabase(path)
    if url.startswith(("postgresql://", "postgres://")):
        try:
            from grantline.db.postgres import PostgresDatabase
        except ModuleNotFoundError:
            raise ValueError(
                "PostgreSQL needs the extra `postgres`: pip install 'grantline[postgres]'"
            ) from None
        return PostgresDatabase(replace(parse_address(url), patient=patient))
    raise ValueError("The database URL must start with sqlite:// or postgresql://.")


def _make_sure(path: Path, *, create: bool) -> None:
    """The file is there, and nobody but its owner may read it; a link could lead anywhere (T122)."""
    if path.is_symlink():
        raise ValueError(f"{path} is a link. Name the database file itself.")
    if path.exists():
        return
    if not create:
        raise FileNotFoundError(f"There is no database at {path}.")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return  # another process made it at the same moment, by the same rule
