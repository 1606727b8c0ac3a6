"""PostgreSQL: held connections, and one round trip for all who ask the same at the same moment.

Calls of one statement that come while its last round trip is under way wait for the next and share it: the
statement is bound once for each of them, and they commit together (group commit). A caller goes on only after
that commit. A round trip that fails was undone as a whole, and its calls are made again one by one, so that
one bad call fails alone (T138).

Why one statement bound many times: `docs/decisions/`.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal

import asyncpg

from grantline.db.database import DatabaseUnavailable, Pair, Row
from grantline.db.postgres_connections import BUSY, QUEUE_LIMIT, Connections
from grantline.db.postgres_url import Address

MOST_IN_A_BATCH: Final = 64
_RESERVE: Final = "SELECT nextval(pg_get_serial_sequence($1, 'id')) FROM generate_series(1, $2)"


class _Numbered(asyncpg.Record):  # type: ignore[misc]
    """A row whose last column is the number of its call, which is none of the caller's business."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self[:-1])

    def __len__(self) -> int:
        return super().__len__() - 1  # type: ignore[no-any-return]


def _count(status: str) -> int:
    """The number of rows out of a command's status: `UPDATE 3`."""
    number = status.rpartition(" ")[2]
    return int(number) if number.isascii() and number.isdigit() else 0


class PostgresTransaction:
    """Statements on one connection, between BEGIN and COMMIT."""

    def __init__(self, connections: Connections, connection: Any) -> None:
        self._connections = connections
        self._connection = connection

    async def one(self, sql: str, *parameters: object) -> Row | None:
        row: Row | None = await self._ask(self._connection.fetchrow, sql, parameters)
        return row

    async def all(self, sql: str, *parameters: object) -> Sequence[Row]:
        rows: Sequence[Row] = await self._ask(self._connection.fetch, sql, parameters)
        return rows

    async def run(self, sql: str, *parameters: object) -> int:
        return _count(await self._ask(self._connection.execute, sql, parameters))

    async def _ask(self, verb: Callable[..., Any], sql: str, parameters: tuple[object, ...]) -> Any:
        return await self._connections.ask(self._connection, verb, sql, *parameters)


@dataclass(slots=True)
class _Call:
    parameters: tuple[object, ...]
    answer: asyncio.Future[Any]

    def succeed(self, answer: object) -> None:
        if not self.answer.done():  # the caller went away
            self.answer.set_result(answer)

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class _Line:
    """The calls of one statement: those who wait, and whether a round trip is under way."""

    __slots__ = ("busy", "counting", "phases", "reads", "sql", "together", "waiting")

    def __init__(self, sql: str, parameters: int, *, counting: bool) -> None:
        self.sql = sql
        returning, columns = (" RETURNING 1", "count(*)") if counting else ("", "q.*")
        # The number of its call in the last column tells the rows of many calls apart.
        self.together = f"WITH q AS ({sql}{returning}) SELECT {columns}, ${parameters + 1}::bigint FROM q"
        self.counting = counting
        self.reads = sql.lstrip()[:6].upper() == "SELECT"
        self.phases: tuple[tuple[int, ...], ...] = ((),)
        self.waiting: deque[_Call] = deque()
        self.busy = False

    @classmethod
    def of_pair(cls, pair: Pair, parameters: int) -> "_Line":
        """Bound twice for each call: first it only locks, then it only works, by a snapshot that was taken
        after the lock."""
        line = cls(pair.first, parameters, counting=True)
        number, phase = f"${parameters + 1}::bigint", f"${parameters + 2}::bigint"
        line.together = (
            f"WITH held AS ({pair.lock} AND {phase} = 0 FOR UPDATE),"
            f" changed AS ({pair.first} AND {phase} = 1 RETURNING {pair.gives}),"
            f" made AS ({pair.second} RETURNING 1)"
            f" SELECT (SELECT count(*) FROM made), (SELECT count(*) FROM held), {number}"
        )
        line.phases = ((0,), (1,))
        return line

    def take(self) -> list[_Call]:
        """The next calls that go together. Those that write go in the order of their keys: batches that touch
        the same rows then never wait for each other in a circle."""
        calls = [self.waiting.popleft() for _ in range(min(len(self.waiting), MOST_IN_A_BATCH))]
        if not self.reads and len(calls) > 1 and calls[0].parameters:
            calls.sort(key=lambda call: str(call.parameters[0]))
        return calls


class PostgresDatabase:
    """One PostgreSQL database, used by one event loop."""

    def __init__(self, address: Address) -> None:
        self._connections = Connections(address)
        self._lines: dict[tuple[str, bool], _Line] = {}
        self._pairs: dict[Pair, _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0

    @property
    def engine(self) -> Literal["sqlite", "postgresql"]:
        return "postgresql"

    async def one(self, sql: str, *parameters: object) -> Row | None:
        row: Row | None = await self._in_line(self._line(sql, parameters, counting=False), parameters)
        return row

    async def run(self, sql: str, *parameters: object) -> int:
        count: int = await self._in_line(self._line(sql, parameters, counting=True), parameters)
        return count

    async def pair(self, pair: Pair, *parameters: object) -> int:
        line = self._pairs.get(pair)
        if line is None:
            line = self._pairs[pair] = _Line.of_pair(pair, len(parameters))
        count: int = await self._in_line(line, parameters)
        return count

    async def all(self, sql: str, *parameters: object) -> Sequence[Row]:
        rows: Sequence[Row] = await self._connections.ask_once("fetch", sql, *parameters)
        return rows

    async def reserve(self, table: str, count: int) -> Sequence[int]:
        return [row[0] for row in await self.all(_RESERVE, table, count)]

    def transaction(self) -> "_Unit":
        return _Unit(self._connections)

    async def close(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._connections.close()

    def _line(self, sql: str, parameters: tuple[object, ...], *, counting: bool) -> _Line:
        line = self._lines.get((sql, counting))
        if line is None:
            line = self._lines[sql, counting] = _Line(sql, len(parameters), counting=counting)
        return line

    def _in_line(self, line: _Line, parameters: tuple[object, ...]) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        if self._waiting >= QUEUE_LIMIT:
            answer.set_exception(DatabaseUnavailable("too many statements are waiting"))
            return answer
        line.waiting.append(_Call(parameters, answer))
        self._waiting += 1
        if not line.busy:
            line.busy = True
            # Not at once: whoever is ready to run now comes along.
            loop.call_soon(self._start, line)
        return answer

    def _start(self, line: _Line) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(line))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, line: _Line) -> None:
        try:
            while line.waiting:
                calls = line.take()
                try:
                    await self._serve_together(line, calls)
                finally:
                    self._waiting -= len(calls)
        finally:
            line.busy = False

    async def _serve_together(self, line: _Line, calls: list[_Call]) -> None:
        if len(calls) == 1:
            await self._serve_alone(line, calls[0])
            return
        try:
            answers = await self._ask_together(line, calls)
        except Exception as error:
            away = isinstance(error, DatabaseUnavailable) and not isinstance(error.__cause__, BUSY)
            # What was undone may be done again. Of a write whose connection broke nobody knows.
            if away and (not line.reads or error.__cause__ is None):
                for call in calls:
                    call.fail(error)
                return
            await asyncio.gather(*(self._serve_alone(line, call) for call in calls))
        else:
            for call, answer in zip(calls, answers, strict=True):
                call.succeed(answer)

    async def _ask_together(self, line: _Line, calls: list[_Call]) -> list[Any]:
        """One round trip, one commit: the rows of all calls, dealt out by the number in the last column."""
        bound = [
            (*call.parameters, number, *phase) for number, call in enumerate(calls) for phase in line.phases
        ]
        rows = await self._connections.ask_once("fetchmany", line.together, bound, record_class=_Numbered)
        answers: list[Any] = [0 if line.counting else None] * len(calls)
        number = len(rows[0]) if rows else 0
        for row in reversed(rows):  # the first row of a call is the one that stays
            answers[row[number]] = answers[row[number]] + row[0] if line.counting else row
        return answers

    async def _serve_alone(self, line: _Line, call: _Call) -> None:
        if call.answer.done():  # the caller went away, and nothing was done yet
            return
        try:
            if len(line.phases) > 1:
                call.succeed((await self._ask_together(line, [call]))[0])
                return
            verb = "execute" if line.counting else "fetchrow"
            answer = await self._connections.ask_once(verb, line.sql, *call.parameters)
        except Exception as error:
            call.fail(error)
        else:
            call.succeed(_count(answer) if line.counting else answer)


class _Unit:
    """`async with database.transaction()`."""

    __slots__ = ("_connection", "_connections")

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._connection: Any = None

    async def __aenter__(self) -> PostgresTransaction:
        self._connection = await self._connections.take()
        try:
            await self._connections.begin(self._connection)
        except BaseException:
            self._connections.give_back(self._connection)
            raise
        return PostgresTransaction(self._connections, self._connection)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self._connections.commit(self._connection)
            elif isinstance(error, Exception):
                await self._connections.roll_back(self._connection)
            else:  # cancelled: closing the connection undoes it without a wait
                self._connections.drop(self._connection)
        finally:
            self._connections.give_back(self._connection)
