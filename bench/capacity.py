"""Capacity: the arithmetic of `docs/capacity.md`. `python -m bench.capacity` makes it anew from its inputs.

The inputs stand in the document itself, in tables of a name, a value and what it is. Change them there.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench.markdown import table

DOCUMENT: Final = Path(__file__).resolve().parents[1] / "docs" / "capacity.md"
ACCOUNTS: Final = (10**6, 10**8, 10**9)
_INPUT: Final = re.compile(r"^\| `([a-z_]+)` \| ([0-9.,]+) \|", re.MULTILINE)
_DAY: Final = 86_400
_TABLES: Final = (
    "accounts",
    "organizations",
    "memberships",
    "authorizations",
    "consents",
    "sessions",
    "audit",
)
_LABELS: Final = {10**6: "10⁶", 10**8: "10⁸", 10**9: "10⁹"}

Inputs = Mapping[str, float]


def read_inputs(text: str) -> Inputs:
    """The inputs by name. Raises KeyError later for one that is missing."""
    return {name: float(value.replace(",", "")) for name, value in _INPUT.findall(text)}


def rows_per_account(given: Inputs) -> dict[str, float]:
    """How many rows of each table an account has in the long run."""
    return {
        "accounts": 1,
        "organizations": 1,
        "memberships": 1,
        "authorizations": given["authorizations_per_account"],
        "consents": given["consents_per_account"],
        "sessions": given["sessions_per_account"],
        "audit": given["events_per_account_and_month"] * given["audit_days"] / 30,
    }


def bytes_per_account(given: Inputs) -> float:
    """What they take in PostgreSQL with their indexes."""
    return sum(rows * given[f"{name}_row_bytes"] for name, rows in rows_per_account(given).items())


def hot_bytes_per_account(given: Inputs) -> float:
    """What requests touch: everything but the audit and the sessions, which people's visits touch."""
    rows = rows_per_account(given)
    hot = ("accounts", "authorizations")
    return sum(rows[name] * given[f"{name}_row_bytes"] for name in hot)


def refreshes_per_second(given: Inputs, accounts: float) -> float:
    """At the peak of the day."""
    each = given["authorizations_per_account"] * given["refreshes_per_authorization_and_day"]
    return accounts * each * given["peak"] / _DAY


def _loads(given: Inputs, accounts: float) -> dict[str, float]:
    """What the peak asks of servers and of one PostgreSQL, by resource."""
    refreshes = refreshes_per_second(given, accounts)
    introspections = refreshes * given["introspections_per_refresh"]
    signs = accounts * given["sign_ins_per_account_and_month"] / 30 * given["peak"] / _DAY
    million = 1e6
    return {
        "refreshes": refreshes,
        "introspections": introspections,
        "sign_ins": signs,
        "server_cores": (
            refreshes * given["refresh_server_us"]
            + introspections * given["introspection_server_us"]
            + signs * given["sign_in_us"]
        )
        / million,
        "postgres_cores": (
            refreshes * given["refresh_postgres_us"] + introspections * given["introspection_postgres_us"]
        )
        / million,
        "commits": refreshes * given["syncs_per_refresh"],
        "log_megabytes": refreshes * given["refresh_log_bytes"] / million,
        "terabytes": accounts * bytes_per_account(given) / 1e12,
        "hot_gigabytes": accounts * hot_bytes_per_account(given) / 1e9,
    }


def _uses(given: Inputs, accounts: float) -> dict[str, float]:
    """How much of the one PostgreSQL of the inputs the peak uses, by resource; 1 is all of it."""
    loads = _loads(given, accounts)
    return {
        "its cores": loads["postgres_cores"] / given["primary_cores"],
        "writing its log": loads["log_megabytes"] / given["primary_log_megabytes_per_second"],
        "syncs of its log": loads["commits"] / given["primary_syncs_per_second"],
        "its disk": loads["terabytes"] / given["primary_terabytes"],
        "its memory": loads["hot_gigabytes"] / given["primary_memory_gigabytes"],
    }


def tables(given: Inputs) -> dict[str, str]:
    """The computed parts of the document, by name."""
    return {"account": _account(given), "one": _one(given), "sizes": _sizes(given), "first": _first(given)}


def _account(given: Inputs) -> str:
    rows = rows_per_account(given)
    lines = [
        (name, f"{rows[name]:,.1f}", f"{given[f'{name}_row_bytes']:,.0f}",
         f"{rows[name] * given[f'{name}_row_bytes']:,.0f}")
        for name in _TABLES
    ]  # fmt: skip
    lines.append(("**together**", "", "", f"**{bytes_per_account(given):,.0f}**"))
    return table(("table", "rows per account", "bytes per row", "bytes per account"), lines)


def _one(given: Inputs) -> str:
    per_account = _loads(given, 1)
    limits = {name: 1 / share for name, share in _uses(given, 1).items()}
    lines = [
        ("one core of a server: refreshes alone", f"{1e6 / given['refresh_server_us']:,.0f} per second"),
        (
            "one core of a server: introspections alone",
            f"{1e6 / given['introspection_server_us']:,.0f} per second",
        ),
        ("one core of a server: sign-ins alone", f"{1e6 / given['sign_in_us']:,.0f} per second"),
        ("one core of a server: accounts, at the peak of the mix", _people(1 / per_account["server_cores"])),
    ]
    lines += [(f"one PostgreSQL: accounts, by {name}", _people(limit)) for name, limit in limits.items()]
    return table(("what", "carries"), lines)


def _people(count: float) -> str:
    return f"{count / 1e6:,.1f} million" if count >= 1e6 else f"{count:,.0f}"


def _sizes(given: Inputs) -> str:
    loads = [_loads(given, accounts) for accounts in ACCOUNTS]
    commit_seconds = [2**31 / max(load["commits"], 1e-9) for load in loads]
    names = {
        "refreshes": ("refreshes per second", "{:,.0f}"),
        "introspections": ("introspections per second", "{:,.0f}"),
        "sign_ins": ("sign-ins per second", "{:,.1f}"),
        "server_cores": ("cores of servers", "{:,.1f}"),
        "postgres_cores": ("cores of PostgreSQL", "{:,.1f}"),
        "commits": ("syncs of the log per second", "{:,.0f}"),
        "log_megabytes": ("log written, MB per second", "{:,.1f}"),
        "hot_gigabytes": ("rows that requests touch, GB", "{:,.0f}"),
        "terabytes": ("everything, TB", "{:,.2f}"),
    }
    lines = [(words, *(form.format(load[name]) for load in loads)) for name, (words, form) in names.items()]
    lines.append(("days until 2³¹ transactions", *(f"{seconds / _DAY:,.0f}" for seconds in commit_seconds)))
    return table(("at the peak", *(f"{_LABELS[accounts]} accounts" for accounts in ACCOUNTS)), lines)


def _first(given: Inputs) -> str:
    lines = []
    for accounts in ACCOUNTS:
        uses = sorted(_uses(given, accounts).items(), key=lambda pair: -pair[1])
        needed = max(1, -(-uses[0][1] // 0.5))
        lines.append(
            (
                f"{_LABELS[accounts]}",
                uses[0][0],
                ", ".join(f"{name} {share * 100:,.0f} %" for name, share in uses),
                f"{needed:,.0f}",
            )
        )
    return table(
        ("accounts", "first to be full", "use of one PostgreSQL", "such machines, each half full"), lines
    )


def render(text: str) -> str:
    """The document with its computed parts made anew."""
    for name, made in tables(read_inputs(text)).items():
        start, end = f"<!-- computed: {name} -->", "<!-- end -->"
        before, found, after = text.partition(start)
        if not found:
            raise ValueError(f"the document has no place for {name}")
        text = f"{before}{start}\n\n{made}\n\n{end}{after.partition(end)[2]}"
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(render(DOCUMENT.read_text()))
