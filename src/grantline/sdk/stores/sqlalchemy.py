"""A store in any database of SQLAlchemy's: one table, made when it is not there.

A row is a grant, or the lock of one. Each change is one statement, by itself, under the condition that the
row is still the one that was looked at; so no transaction of the app has a part in it. A lock's end is by the
database's clock where it is known how to ask for it (PostgreSQL, MySQL, MariaDB), else by this machine's.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from grantline.sdk.errors import StoreRefused
from grantline.sdk.record import Record, Secret
from grantline.sdk.stores.living import is_gone, this_process
from grantline.sdk.stores.sealing import Seal
from grantline.sdk.stores.steps import QUOTED, Steps, awalk, first_line, not_installed, walk

TABLE: Final = "grantline_store"
LOCK: Final = "lock "
WAIT_SECONDS: Final = 20.0


def table_in(metadata: Any, name: str = TABLE) -> Any:
    """The table of grants in this MetaData: for apps that make their tables by migrations."""
    from sqlalchemy import Column, Double, Integer, LargeBinary, String, Table
    from sqlalchemy.dialects.mysql import MEDIUMBLOB

    return Table(
        name,
        metadata,
        Column("name", String(80), primary_key=True),
        Column("version", Integer, nullable=False),
        Column("sealed", LargeBinary().with_variant(MEDIUMBLOB(), "mysql", "mariadb")),
        Column("owner", String(200)),
        Column("process", String(200)),
        Column("ends_at", Double),
    )


class _Rows:
    """The rules, without the way to the database. A step is a statement; its answer is the rows, or how many
    there were that it changed, none where another row was in the way."""

    def __init__(self, seal: Seal, table: Any, dialect: str) -> None:
        self.seal = seal
        self._table = table
        self._dialect = dialect

    def get(self, key: str) -> Steps[Record | None]:
        from sqlalchemy import select

        columns = self._table.c
        rows = yield select(columns.version, columns.sealed).where(columns.name == key)
        return self.seal.open(key, rows[0][1], version=rows[0][0]) if rows else None

    def put(self, key: str, record: Record, expect_version: int) -> Steps[bool]:
        from sqlalchemy import insert, update

        columns, version = self._table.c, expect_version + 1
        sealed = self.seal.close(key, replace(record, version=version))
        if expect_version == 0:
            changed = yield insert(self._table).values(name=key, version=version, sealed=sealed)
        else:
            changed = yield (
                update(self._table)
                .where(columns.name == key, columns.version == expect_version)
                .values(version=version, sealed=sealed)
            )
        return bool(changed == 1)

    def delete(self, key: str) -> Steps[None]:
        from sqlalchemy import delete

        yield delete(self._table).where(self._table.c.name == key)

    def keys(self) -> Steps[Sequence[str]]:
        from sqlalchemy import select

        columns = self._table.c
        rows = yield select(columns.name).where(columns.sealed.is_not(None))
        return sorted(row[0] for row in rows)

    def try_lock(self, key: str, owner: str, seconds: float) -> Steps[bool]:
        from sqlalchemy import case, insert, select, update

        self.seal.check()
        columns, name, now = self._table.c, LOCK + key, self._now()
        held = case((columns.ends_at > now, 1), else_=0)
        rows = yield select(columns.version, columns.owner, columns.process, held).where(columns.name == name)
        lock = {"owner": owner, "process": this_process(), "ends_at": now + seconds}
        if not rows:
            changed = yield insert(self._table).values(name=name, version=1, **lock)
            return bool(changed == 1)
        version, whose, process, is_held = rows[0]
        if whose != owner and is_held and not is_gone(process):
            return False
        changed = yield (
            update(self._table)
            .where(columns.name == name, columns.version == version)
            .values(version=version + 1, **lock)
        )
        return bool(changed == 1)

    def unlock(self, key: str, owner: str) -> Steps[None]:
        from sqlalchemy import delete

        columns = self._table.c
        yield delete(self._table).where(columns.name == LOCK + key, columns.owner == owner)

    def _now(self) -> Any:
        """Epoch seconds, by one clock for all who share the database."""
        from sqlalchemy import Double, cast, extract, func, literal

        if self._dialect == "postgresql":
            return cast(extract("epoch", func.clock_timestamp()), Double)
        if self._dialect in ("mysql", "mariadb"):
            return func.unix_timestamp(func.now(6))
        return literal(time.time(), Double)


class SqlAlchemyStore:
    """Keeps grants in a table of a database. `engine` is one of SQLAlchemy's, or a URL."""

    def __init__(
        self,
        engine: Any,
        *,
        table: str = TABLE,
        key: Secret | None = None,
        insecure_plain_text: bool = False,
    ) -> None:
        self._engine = _engine(engine, is_async=False)
        self._own, self._process = self._engine is not engine, os.getpid()
        self._alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._table, self._is_made = _table(table), False
        seal = Seal(key, insecure_plain_text=insecure_plain_text, place=self)
        self._rows = _Rows(seal, self._table, self._engine.dialect.name)

    def __repr__(self) -> str:
        return f"SqlAlchemyStore({self._engine.url!r}, table={self._table.name!r})"

    def get(self, key: str) -> Record | None:
        """See Store."""
        return walk(self._rows.get(key), self._perform)

    def put(self, key: str, record: Record, expect_version: int) -> bool:
        """See Store."""
        return walk(self._rows.put(key, record, expect_version), self._perform)

    def delete(self, key: str) -> None:
        """See Store."""
        walk(self._rows.delete(key), self._perform)

    def keys(self) -> Sequence[str]:
        """See Store."""
        return walk(self._rows.keys(), self._perform)

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        """See Store. That its owner's process is gone is seen on the same machine; elsewhere time passes."""
        return walk(self._rows.try_lock(key, owner, seconds), self._perform)

    def unlock(self, key: str, owner: str) -> None:
        """See Store."""
        walk(self._rows.unlock(key, owner), self._perform)

    def close(self) -> None:
        """Let the connections go, if the store made them; the next call makes new ones."""
        if self._own:
            self._engine.dispose()

    def _perform(self, statement: Any) -> Any:
        from sqlalchemy.exc import IntegrityError, SQLAlchemyError

        if self._own and self._process != os.getpid():  # after a fork: the connections are the parent's
            self._process = os.getpid()
            self._engine.dispose(close=False)
        try:
            with self._alone.connect() as connection:
                if not self._is_made:
                    _make(connection, self._table)
                    self._is_made = True
                return _answer(connection.execute(statement))
        except IntegrityError:
            return 0
        except (SQLAlchemyError, OSError) as problem:
            raise _refused(problem) from None


class AsyncSqlAlchemyStore:
    """The same for tasks of one loop, with an AsyncEngine, or a URL with a driver for tasks
    (`postgresql+asyncpg://…`, `sqlite+aiosqlite:///…`)."""

    def __init__(
        self,
        engine: Any,
        *,
        table: str = TABLE,
        key: Secret | None = None,
        insecure_plain_text: bool = False,
    ) -> None:
        self._engine = _engine(engine, is_async=True)
        self._own = self._engine is not engine
        self._alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._table, self._is_made = _table(table), False
        self._seal = Seal(key, insecure_plain_text=insecure_plain_text, place=self)
        self._rows = _Rows(self._seal, self._table, self._engine.dialect.name)

    def __repr__(self) -> str:
        return f"AsyncSqlAlchemyStore({self._engine.url!r}, table={self._table.name!r})"

    async def get(self, key: str) -> Record | None:
        """See Store."""
        await self._seal.ready()
        return await awalk(self._rows.get(key), self._perform)

    async def put(self, key: str, record: Record, expect_version: int) -> bool:
        """See Store."""
        await self._seal.ready()
        return await awalk(self._rows.put(key, record, expect_version), self._perform)

    async def delete(self, key: str) -> None:
        """See Store."""
        await awalk(self._rows.delete(key), self._perform)

    async def keys(self) -> Sequence[str]:
        """See Store."""
        return await awalk(self._rows.keys(), self._perform)

    async def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        """See SqlAlchemyStore."""
        await self._seal.ready()
        return await awalk(self._rows.try_lock(key, owner, seconds), self._perform)

    async def unlock(self, key: str, owner: str) -> None:
        """See Store."""
        await awalk(self._rows.unlock(key, owner), self._perform)

    async def aclose(self) -> None:
        """Let the connections go, if the store made them; the next call makes new ones."""
        if self._own:
            await self._engine.dispose()

    async def _perform(self, statement: Any) -> Any:
        from sqlalchemy.exc import IntegrityError, SQLAlchemyError

        try:
            async with self._alone.connect() as connection:
                if not self._is_made:
                    await connection.run_sync(_make, self._table)
                    self._is_made = True
                return _answer(await connection.execute(statement))
        except IntegrityError:
            return 0
        except (SQLAlchemyError, OSError) as problem:
            raise _refused(problem) from None


def _engine(given: Any, *, is_async: bool) -> Any:
    """The engine that was given, or one for the URL."""
    try:
        from sqlalchemy import create_engine, make_url
        from sqlalchemy.engine import URL, Engine
        from sqlalchemy.exc import ArgumentError, InvalidRequestError, NoSuchModuleError
        from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
    except ImportError:
        raise not_installed("SQLAlchemy", "sqlalchemy") from None
    wanted: Any = AsyncEngine if is_async else Engine
    if isinstance(given, wanted):
        return given
    if not isinstance(given, (str, URL)):
        raise StoreRefused(
            f"This is no {wanted.__name__} of SQLAlchemy.",
            fix="Give SqlAlchemyStore an Engine, and AsyncSqlAlchemyStore an AsyncEngine, or a URL.",
        )
    make: Any = create_async_engine if is_async else create_engine
    try:
        url = make_url(given)
        waiting = {"timeout": WAIT_SECONDS} if url.get_backend_name() == "sqlite" else {}
        return make(url, connect_args=waiting, pool_pre_ping=True, hide_parameters=True)
    except (NoSuchModuleError, InvalidRequestError, ImportError) as problem:
        raise StoreRefused(f"SQLAlchemy can't use this URL: {first_line(problem)}.") from None
    except (ArgumentError, ValueError):  # whose words may be a part of the password
        raise StoreRefused("SQLAlchemy can't read this URL.", fix=QUOTED) from None


def _table(name: str) -> Any:
    from sqlalchemy import MetaData

    return table_in(MetaData(), name)


def _make(connection: Any, table: Any) -> None:
    """Make the table, if it is not there; another program may do so at the same time."""
    from sqlalchemy import inspect
    from sqlalchemy.exc import DBAPIError

    try:
        table.create(connection, checkfirst=True)
    except DBAPIError:
        if not inspect(connection).has_table(table.name):
            raise


def _answer(result: Any) -> Any:
    if result.returns_rows:
        return [tuple(row) for row in result]
    return 1 if result.is_insert else result.rowcount  # drivers don't count what is inserted


def _refused(problem: Exception) -> StoreRefused:
    """Only what is said of the connection is told: other refusals quote what was sent."""
    from sqlalchemy.exc import OperationalError

    said = getattr(problem, "orig", problem) if isinstance(problem, (OperationalError, OSError)) else None
    why = first_line(said) if said is not None else type(problem).__name__
    return StoreRefused(
        f"The database can't be used: {why}.", fix="Check its address, and whether the app may make a table."
    )
