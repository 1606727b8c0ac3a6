"""The tables of the report."""

from collections.abc import Sequence

from bench import scaling
from bench.console import PageTime
from bench.growth import Grown
from bench.kit import KitCost
from bench.latency import Latency
from bench.markdown import table
from bench.measure import Figure
from bench.rows import RowSize
from bench.scaling import Scale
from bench.sdk import SdkCost
from bench.sign_in import Flood, SignIn
from bench.starting import Start

NONE = "–"


def costs(figures: Sequence[Figure]) -> str:
    """A row for each kind of request, a column for each server."""
    servers = list(dict.fromkeys(one.server for one in figures if one.server != "echo"))
    servers.sort(key=lambda name: not name.startswith("Grantline"))
    found = {(one.server, one.name): one for one in figures}
    names = list(dict.fromkeys(one.name for one in figures))
    rows = []
    for name in names:
        echo = found.get(("echo", name))
        cells = [
            _cost(found.get((server, name)) or (echo if server.startswith("Grantline") else None))
            for server in servers
        ]
        rows.append([name, *cells])
    return table(["CPU µs", *servers], rows)


def _cost(figure: Figure | None) -> str:
    if figure is None:
        return NONE
    behind = f" + {figure.database_cost:.0f}" if figure.database_cost is not None else ""
    goal = f" / {figure.goal}" if figure.goal else ""
    bar = f" (bar {figure.bar}{goal})" if figure.bar else ""
    return f"{figure.cost:,.0f}{behind}{bar}"


def details(figures: Sequence[Figure]) -> str:
    """Everything that was measured of each case."""
    head = (
        "request",
        "CPU µs",
        "least–most",
        "PostgreSQL",
        "per second",
        "p99 ms",
        "written bytes",
        "syncs",
        "errors",
    )
    rows = [
        (
            f"{one.server}: {one.name}",
            f"{one.cost:,.0f}",
            f"{one.least:,.0f}–{one.most:,.0f}",
            _optional(one.database_cost, "{:.0f}"),
            f"{one.per_second:,.0f}",
            f"{one.p99_ms:.1f}",
            _optional(one.log_bytes, "{:,.0f}"),
            _optional(one.syncs, "{:.3f}"),
            str(one.errors),
        )
        for one in figures
    ]
    return table(head, rows)


def _optional(value: float | None, form: str) -> str:
    return NONE if value is None else form.format(value)


def sign_ins(rows: Sequence[SignIn]) -> str:
    """The cost of signing in."""
    head = ("sign-in with a password", "CPU µs", "bare hash µs", "ratio", "per second", "errors")
    return table(
        head,
        [
            (
                one.server,
                f"{one.cost:,.0f}",
                f"{one.hash_cost:,.0f}",
                f"{one.ratio:.2f}",
                f"{one.per_second:.0f}",
                str(one.errors),
            )
            for one in rows
        ],
    )


def floods(rows: Sequence[Flood]) -> str:
    """Token requests beside a flood of sign-ins."""
    head = ("token requests", "per second", "CPU µs calm", "in the flood", "p99 ms calm", "in the flood",
            "sign-ins per second", "refused per second", "errors")  # fmt: skip
    return table(
        head,
        [
            (
                one.server,
                f"{one.per_second:,.0f}",
                f"{one.calm_cost:.0f}",
                f"{one.flood_cost:.0f} (× {one.flood_cost / max(one.calm_cost, 0.1):.2f})",
                f"{one.calm_p99_ms:.1f}",
                f"{one.flood_p99_ms:.1f} (× {one.flood_p99_ms / max(one.calm_p99_ms, 0.01):.2f})",
                f"{one.sign_ins:.0f}",
                f"{one.refused:.0f}",
                str(one.errors),
            )
            for one in rows
        ],
    )


def starts(rows: Sequence[Start]) -> str:
    """Seconds until ready, and memory."""
    return table(
        ("server", "ready s", "least–most", "idle MB", "after load MB"),
        [
            (
                one.server,
                f"{one.ready:.2f}",
                f"{one.least:.2f}–{one.most:.2f}",
                f"{one.idle:.0f}",
                f"{one.loaded:.0f}" if one.loaded else NONE,
            )
            for one in rows
        ],
    )


def latencies(rows: Sequence[Latency]) -> str:
    """Latency at shares of saturation."""
    return table(
        ("request", "share of saturation", "per second", "p50 ms", "p99 ms", "errors"),
        [
            (
                f"{one.server}: {one.name}",
                f"{one.share} %",
                f"{one.per_second:,.0f}",
                f"{one.p50_ms:.1f}",
                f"{one.p99_ms:.1f}",
                str(one.errors),
            )
            for one in rows
        ],
    )


def scales(rows: Sequence[Scale]) -> str:
    """Two of something against one."""
    one = {scale.name: scale for scale in rows if scale.layout == scaling.ONE}
    head = (
        "on PostgreSQL",
        "per second",
        "× one",
        "CPU µs",
        "PostgreSQL",
        "by CPU × one",
        "p99 ms",
        "errors",
    )
    found = []
    for scale in rows:
        first = one.get(scale.name, scale)
        twice = scale.layout != scaling.ONE
        found.append(
            (
                f"{scale.layout}: {scale.name}",
                f"{scale.per_second:,.0f}",
                f"{scale.per_second / first.per_second:.2f}" if twice else NONE,
                f"{scale.cost:.0f}",
                f"{scale.database_cost:.0f}",
                f"{2 * first.cost / scale.cost:.2f}" if twice else NONE,
                f"{scale.p99_ms:.1f}",
                str(scale.errors),
            )
        )
    return table(head, found)


def console(found: Sequence[PageTime]) -> str:
    """What each page of the console takes."""
    return table(
        ("page", "median ms", "slowest ms"),
        [(one.path, f"{one.median_ms:.1f}", f"{one.slowest_ms:.1f}") for one in found if one.status == 200],
    )


def kit(found: Sequence[KitCost]) -> str:
    """What each way to check a token adds to a request."""
    alone = found[0].cost if found else 1
    return table(
        ("check", "CPU µs", "least–most", "× one signature", "questions for one request"),
        [
            (
                one.name,
                f"{one.cost:,.0f}" + (f" (bar {one.bar})" if one.bar else ""),
                f"{one.least:,.0f}–{one.most:,.0f}",
                f"{one.cost / alone:.2f}",
                _optional(one.questions, "{:.2f}"),
            )
            for one in found
        ],
    )


def sdk(found: Sequence[SdkCost]) -> str:
    """What a client library adds to a call, and what its import takes."""
    return table(
        ("library", "cost", "least–most"),
        [
            (
                one.name,
                f"{one.cost:,.1f} {one.unit}" + (f" (bar {one.bar:.0f})" if one.bar else ""),
                f"{one.least:,.1f}–{one.most:,.1f}",
            )
            for one in found
        ],
    )


def rows(found: Sequence[RowSize]) -> str:
    """Bytes of a row in each table."""
    return table(
        ("table", "rows", "bytes on PostgreSQL", "bytes on SQLite"),
        [
            (one.table, f"{one.rows:,}", _optional(one.postgres, "{:,.0f}"), _optional(one.sqlite, "{:,.0f}"))
            for one in found
        ],
    )


def growth(rows: Sequence[Grown]) -> str:
    """The cost at each number of authorizations, with what the first of the curve is to it."""
    first: dict[tuple[str, str], Grown] = {}
    found = []
    for one in rows:
        least = first.setdefault((one.server, one.name), one)
        behind = f" + {one.database_cost:.0f}" if one.database_cost is not None else ""
        found.append(
            (
                f"{one.server}: {one.name}",
                f"{one.authorizations:,}",
                f"{one.cost:.0f}{behind}",
                f"{one.cost / least.cost:.2f}",
                f"{one.p99_ms:.1f}",
                f"{one.bytes_per_authorization:,.0f}",
                _optional(one.log_bytes, "{:,.0f}"),
                str(one.errors),
            )
        )
    head = ("request", "authorizations", "CPU µs", "× the first", "p99 ms", "bytes per authorization",
            "written bytes per request", "errors")  # fmt: skip
    return table(head, found)
