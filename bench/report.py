"""The report: `results.md` and its plots, whose first part the bench writes and whose second people do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import pictures, shortfalls, tables
from bench.console import GOAL_MS, PageTime
from bench.growth import Grown
from bench.kit import KitCost
from bench.latency import Latency
from bench.load import CONNECTIONS
from bench.measure import Figure
from bench.rows import RowSize
from bench.scaling import Scale
from bench.sdk import SdkCost
from bench.sign_in import Flood, SignIn
from bench.starting import Start
from bench.store import Results

FOLDER: Final = Path(__file__).parent
BY_HAND: Final = "<!-- From here on written by people; the bench leaves it alone. -->"


def write(results: Results) -> None:
    """Replace the first part of `results.md`, and the plots; what people wrote below stays."""
    path = FOLDER / "results.md"
    by_hand = path.read_text().partition(BY_HAND)[2] if path.exists() else "\n"
    path.write_text(f"{render(results)}\n\n{BY_HAND}{by_hand}")
    (FOLDER / "plots").mkdir(exist_ok=True)
    for name, picture in pictures.draw(results).items():
        (FOLDER / "plots" / name).write_text(picture)


def render(results: Results) -> str:
    """The first part of the report. Sections that were never measured have no place in it."""
    drawn = pictures.draw(results)
    parts = [
        _HEAD,
        _section("", results, "cases", tables.costs(results.of("cases", Figure)), ""),
        _section("Sign-in", results, "sign_ins", tables.sign_ins(results.of("sign_ins", SignIn)), _SIGN_IN),
        _section("", results, "floods", tables.floods(results.of("floods", Flood)), _FLOOD),
        _section("Start and memory", results, "starts", tables.starts(results.of("starts", Start)), _START),
        _section(
            "Latency against load",
            results,
            "latency",
            _with(drawn, "latency", tables.latencies(results.of("latency", Latency))),
            _LATENCY,
        ),
        _section(
            "Two workers, two nodes",
            results,
            "scales",
            _with(drawn, "scaling", tables.scales(results.of("scales", Scale))),
            _SCALING,
        ),
        _section(
            "Growth",
            results,
            "growth",
            _with(drawn, "growth", tables.growth(results.of("growth", Grown))),
            _GROWTH,
        ),
        _section(
            "Pages of the console",
            results,
            "console",
            tables.console(results.of("console", PageTime)),
            _CONSOLE,
        ),
        _section("The kit for APIs", results, "kit", tables.kit(results.of("kit", KitCost)), _KIT),
        _section("The client library", results, "sdk", tables.sdk(results.of("sdk", SdkCost)), _SDK),
        _section("Rows", results, "rows", tables.rows(results.of("rows", RowSize)), _ROWS),
        _section(
            "Each server in full", results, "cases", tables.details(results.of("cases", Figure)), _DETAILS
        ),
        _list("What falls short", shortfalls.shortfalls(results) or ["Nothing that was measured."]),
        _list("Where and how", [*results.settings.get("where", []), *results.settings.get("notes", [])]),
    ]
    missing = shortfalls.unmeasured(results)
    if missing:
        parts.append("Not measured: " + "; ".join(missing) + ".")
    return "\n\n".join(part for part in parts if part)


_HEAD: Final = f"""# What a request costs

Written by `make bench`. CPU µs per request: user and system time of all the server's processes over requests
answered, at {CONNECTIONS} connections that stay open, on one core; the load and PostgreSQL are on another,
and PostgreSQL's own time stands after the plus. The median of the runs. The echo is Grantline's listener with
an application that answers at once: read the others by it, since a shared machine makes all of them dearer. A
bar is a figure above which a profile must say why; behind the stroke stands the goal. Requests that failed
are counted, and must be 0. Grantline makes no JWT access tokens yet, so that row has figures of others alone.
Of the peers, oidc-provider keeps everything in memory; Django OAuth Toolkit and Authlib use PostgreSQL, with
one gunicorn process of four threads; they store clients' secrets as they are, but for the column that says
hashed."""
_SIGN_IN: Final = """A POST of the form with the right password over one connection; the bare hash is argon2id
with the same parameters on the same core, before and after."""
_FLOOD: Final = """Client credentials at a fifth of saturation, calm and while 8 connections sign in as fast
as they can, all on the server's one core. CPU is that of every thread but the ones that hash."""
_START: Final = """From the start of the process to the line that says it is ready, bytecode compiled. Memory
is PSS without pages of files: a second after the start, and after all cases."""
_LATENCY: Final = """A driver of our own sends at even distances over 64 connections, whatever the server
does, and times each request from when it was due."""
_SCALING: Final = """Servers, PostgreSQL and the load share two cores here, so requests per second can't
double: what one server leaves free is all that a second can have. The CPU of the servers shows whether they
get into each other's way: were PostgreSQL and the load on other machines, two would carry "by CPU" times
one."""
_GROWTH: Final = """Rows are added by copying in SQL, with an account for every five; requests touch the whole
table at random."""
_CONSOLE: Final = f"""Each page for a developer, in a workspace of 10,000 clients with 1,000,000 rows of
activity and causes, of a client with 10,000 people, on SQLite: the CPU of the process for one page, of 15.
The goal is {GOAL_MS} ms."""
_ROWS: Final = """With their share of the indexes, after filling the tables in no order."""
_KIT: Final = """What checking a token adds to a request that an application answers at once, in one
process, without a server or a socket: the difference between calls with and without the check. Bars are for
a core on which one ES256 signature takes 48 µs: the last column but one shows how a figure stands to a
signature on this machine. The others check signature, audience, issuer, times and one scope, and neither
pages, organizations nor data centers; PyJWT and Authlib verify each token anew. Without a cache the cost
holds the HTTP client, not the wire."""
_SDK: Final = """What a library adds to a call of a client whose transport answers at once, in one process,
while its token is fresh: the difference between calls with and without it, each in the HTTP library that it
is for. Imports are CPU ms in new processes, bytecode compiled."""
_DETAILS: Final = """At saturation. Written: to PostgreSQL's write-ahead log, or to the disk by the server's
process, for each request. Syncs: of that log."""


def _section(title: str, results: Results, name: str, table: str, words: str) -> str:
    if not table:
        return ""
    head = f"## {title}\n\n" if title else ""
    said = f"{words}\n\n" if words else ""
    return f"{head}{said}{table}\n\nTaken {results.taken(name)}."


def _with(drawn: dict[str, str], prefix: str, table: str) -> str:
    shown = [f"![{name.removesuffix('.svg')}](plots/{name})" for name in drawn if name.startswith(prefix)]
    return "\n\n".join([*shown, table]) if table else ""


def _list(title: str, sentences: Sequence[str]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {one}" for one in sentences) if sentences else ""
