"""Connections to PostgreSQL: a few, held open, handed out in turn, replaced when they break.

Nothing is reset between two uses: a reset costs as much as a look-up, and statements leave nothing behind.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import asyncpg

from grantline.db.database import DatabaseUnavailable, UniqueViolation
from grantline.db.postgres_url import Address

WAIT_SECONDS: Final = 2.0
"""The longest wait for a connection and for a statement; for a row that another transaction holds, half."""
DEAD_SECONDS: Final = 3.0
"""A server that has not answered in this time is gone: its connection is dropped."""
QUEUE_LIMIT: Final = 1000

_SESSION: Final = {
    "statement_timeout": str(int(WAIT_SECONDS * 1000)),
    "lock_timeout": str(int(WAIT_SECONDS * 500)),
    "idle_in_transaction_session_timeout": "5000",
    # Every look-up is by key: plans that are made once and never for the values at hand.
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}
_WITHOUT_HURRY: Final = {**_SESSION, "statement_timeout": "0", "lock_timeout": "0"}
_BEGIN: Final = "BEGIN"


def _begin_behind_a_pooler(session: Mapping[str, str]) -> str:
    return "BEGIN;" + "".join(f" SET LOCAL {name} = '{value}';" for name, value in session.items())


GONE: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server's last word came before the end of the connection did
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""After these the connection is of no more use: the server went away, or is no longer the one that writes."""
BUSY: Final = (
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.PostgresSystemError,
)
"""After these it goes on, but this work was undone."""


def is_gone(error: BaseException | None) -> bool:
    """Whether the connection that raised this is of no more use."""
    # A value of the wrong type is an InterfaceError too, and says nothing about the connection.
    return isinstance(error, GONE) and not isinstance(error, ValueError)


def translate(error: BaseException) -> BaseException:
    """The driver's error as one that callers may act on; any other as it is."""
    if isinstance(error, asyncpg.UniqueViolationError):
        return UniqueViolation(error.constraint_name)  # the message would name the values
    if isinstance(error, (asyncpg.DuplicateObjectError, asyncpg.DuplicateTableError)):
        return UniqueViolation(str(error))  # two make one table at the same moment
    if is_gone(error) or isinstance(error, BUSY):
        return DatabaseUnavailable(str(error) or type(error).__name__)
    return error


class Connections:
    """The connections of one process."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._session = _WITHOUT_HURRY if address.patient else _SESSION
        self._begin = _begin_behind_a_pooler(self._session) if address.pooled else _BEGIN
        self._free: list[Any] = []
        self._held: set[Any] = set()
        self._opening = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._closed = False

    async def take(self) -> Any:
        """A connection of one's own. Raises DatabaseUnavailable after WAIT_SECONDS."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WAIT_SECONDS
        waited = False
        while True:
            # Who comes now stands behind those who wait: else one that asks again at once is always first.
            if waited or not self._queue:
                connection = self._rested()
                if waited and (self._free or self._has_room):
                    self._wake()  # there is enough for the next one, too
                if connection is not None:
                    return connection
                if self._has_room:
                    return await self._open()
            if len(self._queue) >= QUEUE_LIMIT:
                raise DatabaseUnavailable("too many wait for a connection to the database")
            await self._turn(deadline)
            waited = True

    @property
    def _has_room(self) -> bool:
        return len(self._held) + self._opening < self.address.connections

    def _rested(self) -> Any | None:
        """A connection that nobody uses and that is whole."""
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
            self.drop(connection)
        return None

    async def _turn(self, deadline: float) -> None:
        """Wait for one's turn. It stands in the queue until it is taken, so that nobody slips in before."""
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._wake()  # whoever goes away hands the turn on
            if isinstance(error, TimeoutError):
                raise DatabaseUnavailable("every connection to the database is busy") from None
            raise
        finally:
            self._queue.remove(turn)

    async def _open(self) -> Any:
        if self._closed:
            raise DatabaseUnavailable("the database was closed")
        pooled = self.address.pooled
        self._opening += 1
        try:
            connection = await asyncpg.connect(
                self.address.dsn,
                timeout=WAIT_SECONDS,
                statement_cache_size=0 if pooled else 512,
                max_cached_statement_lifetime=0,
                server_settings=None if pooled else {"application_name": "grantline", **self._session},
            )
        except (*GONE, asyncpg.PostgresError) as error:
            self._wake()
            raise DatabaseUnavailable(str(error) or type(error).__name__) from error
        finally:
            self._opening -= 1
        self._held.add(connection)
        return connection

    def give_back(self, connection: Any) -> None:
        """Let the next one have it; a dropped one makes room for a new one."""
        if connection in self._held:
            self._free.append(connection)
        self._wake()

    def drop(self, connection: Any) -> None:
        """Never use this one again."""
        self._held.discard(connection)
        connection.terminate()

    def _wake(self) -> None:
        for turn in self._queue:
            if not turn.done():
                turn.set_result(None)
                return

    async def ask(
        self, connection: Any, verb: Callable[..., Any], *arguments: object, **options: object
    ) -> Any:
        """One call of the driver. Raises DatabaseUnavailable, UniqueViolation, and what the driver raises for
        bad input."""
        try:
            seconds = None if self.address.patient else DEAD_SECONDS
            return await verb(*arguments, timeout=seconds, **options)
        except asyncio.CancelledError:
            self.drop(connection)
            raise
        except Exception as error:
            if is_gone(error):
                self.drop(connection)
            raise translate(error) from error

    async def ask_once(self, verb: str, *arguments: object, **options: object) -> Any:
        """One call, on whichever connection is free; committed when it returns."""
        connection = await self.take()
        try:
            if not self.address.pooled:
                return await self.ask(connection, getattr(connection, verb), *arguments, **options)
            # A pooler keeps one server connection for a transaction and no longer.
            await self.begin(connection)
            try:
                answer = await self.ask(connection, getattr(connection, verb), *arguments, **options)
            except Exception:
                await self.roll_back(connection)
                raise
            await self.commit(connection)
            return answer
        finally:
            self.give_back(connection)

    async def begin(self, connection: Any) -> None:
        """Begin a transaction."""
        await self.ask(connection, connection.execute, self._begin)

    async def commit(self, connection: Any) -> None:
        """Commit; when the connection breaks at this moment nobody knows whether it was done, and the error
        says so."""
        if connection not in self._held:
            raise DatabaseUnavailable("the connection broke before the commit")
        try:
            status = await self.ask(connection, connection.execute, "COMMIT")
        except DatabaseUnavailable as error:
            if is_gone(error.__cause__):
                raise DatabaseUnavailable("the connection broke during the commit: it may be done") from error
            raise
        if status != "COMMIT":  # an error inside was caught, and the whole was undone
            raise DatabaseUnavailable("the transaction was undone")

    async def roll_back(self, connection: Any) -> None:
        """Undo what was begun; a broken connection has undone it already."""
        if connection in self._held:
            await self.ask(connection, connection.execute, "ROLLBACK")

    async def close(self) -> None:
        """Close all, and open no more."""
        self._closed = True
        held, self._held, self._free = self._held, set(), []
        for connection in held:
            try:
                await connection.close(timeout=1)
            except (*GONE, *BUSY):
                connection.terminate()
