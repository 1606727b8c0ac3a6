"""A large workspace: ten thousand clients with a million entries of activity, for the console's pages; made
by the database itself, from the rows that are there."""

import sqlite3
from dataclasses import dataclass
from typing import Final

from grantline.activity import ANY_TOKEN, REFUSED, STARTED, TOKENS, workspace_key

HOUR: Final = 3600
DAY: Final = 24 * HOUR
_NUMBERS: Final = (
    "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < $last)"
)
_CODES: Final = (
    "code_expired",
    "code_already_used",
    "refresh_token_unknown",
    "client_secret_wrong",
    "redirect_uri_mismatch",
    "scope_unknown",
    "pkce_missing",
    "throttled",
    "limit_near",
    "old_secret_used",
)


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is made."""

    clients: int = 10_000
    entries: int = 900_000
    """Of activity, over all clients; each has causes as well."""
    causes: int = 10
    """Of each client."""
    people: int = 10_000
    """Of the one client whose pages are looked at."""
    name: str = "many"
    """Tells these rows from others that were made before."""


def fill(file: sqlite3.Connection, client_id: str, workspace_id: int, now: int, amounts: Amounts) -> None:
    """Fill the workspace with copies of the client, whose own pages become large too."""
    file.execute("PRAGMA synchronous = OFF")
    names = [row[1] for row in file.execute("PRAGMA table_info(clients)")]
    made = {
        "id": f"'glc_us_{amounts.name}' || n",
        "name": "'Client ' || n",
        "creation_key": "NULL",
        "created_at": "c.created_at - n",
        "workspace_id": str(workspace_id),
    }
    columns = ", ".join(made.get(name, f"c.{name}") for name in names)
    _insert(file, amounts.clients, f"clients ({', '.join(names)}) SELECT {columns}", ", clients c", client_id)
    _fill_activity(file, client_id, workspace_id, now, amounts)
    _fill_usage(file, client_id, workspace_id, now, amounts)
    _fill_people(file, client_id, now, amounts.people)
    file.commit()
    file.execute("ANALYZE")
    file.commit()


def _insert(file: sqlite3.Connection, count: int, into: str, source: str = "", client_id: str = "") -> None:
    """Run `INSERT INTO {into} FROM numbers{source}`, for the client named where there is a source."""
    numbers = _NUMBERS.replace("$last", str(count - 1))
    where = " WHERE c.id = ?1" if client_id else ""
    file.execute(
        f"{numbers} INSERT OR IGNORE INTO {into} FROM numbers{source}{where}",
        (client_id,) if client_id else (),
    )


def _codes(place: str) -> str:
    """The code of a row's number, in SQL."""
    cases = " ".join(f"WHEN {number} THEN '{code}'" for number, code in enumerate(_CODES))
    return f"CASE ({place}) % {len(_CODES)} {cases} END"


def _fill_activity(
    file: sqlite3.Connection, client_id: str, workspace_id: int, now: int, amounts: Amounts
) -> None:
    error = "CASE WHEN n % 10 >= 8 THEN 'event' ELSE 'invalid_request' END"
    into = (
        "activity (id, client_id, proven, at, endpoint, error, code, status, detail)"
        f" SELECT 'req_us_' || ?2 || n, ?3, n % 5 <> 0, {now} - n % {20 * DAY}, '/oauth/v2/token',"
        f" {error}, {_codes('n')}, 400,"
        """ '{"network": "203.0.113.0/24", "received": "https://app.example/callback/",'"""
        """ || ' "expected": "https://app.example/callback"}'"""
    )
    many = into.replace("?2", f"'{amounts.name}'").replace(
        "?3", f"'glc_us_{amounts.name}' || (n % {amounts.clients})"
    )
    _insert(file, amounts.entries, many)
    own = into.replace("?2", "'own'").replace("?3", f"'{client_id}'")
    _insert(file, 600, own)
    causes = (
        "client_causes (client_id, workspace_id, proven, code, error, first_at, last_at, last_id, count)"
        f" SELECT ?3, {workspace_id}, n % 2, {_codes('n')}, {error}, {now - 30 * DAY},"
        f" {now} - n % {2 * DAY}, 'req_us_own' || (n % 600), n + 1"
    )
    clients = f"'glc_us_{amounts.name}' || (n / {amounts.causes})"
    _insert(file, amounts.clients * amounts.causes, causes.replace("?3", clients))
    _insert(file, len(_CODES), causes.replace("?3", f"'{client_id}'"))


def _fill_usage(
    file: sqlite3.Connection, client_id: str, workspace_id: int, now: int, amounts: Amounts
) -> None:
    clients, copy = amounts.clients, f"'glc_us_{amounts.name}'"
    hour = now - now % HOUR
    into = "client_usage (client_id, kind, span_seconds, starts_at, count, last_at) SELECT"
    row = f"{hour} - (n % 24) * {HOUR}, n % 97 + 1, {hour} - (n % 24) * {HOUR}"
    many = f"{into} {copy} || (n / 24), 'token.refresh_token', {HOUR}, {row}"
    _insert(file, clients * 24, many)
    for kind in (STARTED, "authorization.allowed", *TOKENS, "api_call", REFUSED):
        _insert(file, 168, f"{into} '{client_id}', '{kind}', {HOUR}, {hour} - n * {HOUR}, n % 97 + 1, {hour}")
        day = f"{now - now % DAY} - (n + 7) * {DAY}"
        _insert(file, 83, f"{into} '{client_id}', '{kind}', {DAY}, {day}, n % 997 + 1, {now - 7 * DAY}")
    for kind in (ANY_TOKEN, REFUSED):
        _insert(file, 24, f"{into} '{workspace_key(workspace_id)}', '{kind}', {HOUR}, {row}")
    firsts = f"client_firsts (client_id, step, at) SELECT {copy} || n,"
    for step in ("authorization_request", "token", "api_call", "refresh"):
        _insert(file, clients, f"{firsts} '{step}', {now - 9 * DAY}")


def _fill_people(file: sqlite3.Connection, client_id: str, now: int, people: int) -> None:
    """People with two authorizations each; one of them has twenty."""
    names = [row[1] for row in file.execute("PRAGMA table_info(accounts)")]
    made = {"id": "900000000 + n", "email": "'many' || n || '@example.com'"}
    made["email_key"] = made["email"]
    columns = ", ".join(made.get(name, f"a.{name}") for name in names)
    source = ", (SELECT * FROM accounts LIMIT 1) a"
    _insert(file, people, f"accounts ({', '.join(names)}) SELECT {columns}", source)
    into = (
        "authorizations (client_id, account_id, organization_id, kind, scope, asked_scope, resources,"
        " auth_time, sid, refresh_hash, successor_seen, sequence, live_limit, revoked_sequences,"
        " rate_started_at, rate_count, created_at, used_at)"
        f" SELECT '{client_id}', ?2, 1, 'refresh', 'CRM.modules.leads.READ', '', '',"
        f" 0, '', X'00', 0, 1, 15, '[]', 0, 0, {now - DAY}, {now} - n % {DAY}"
    )
    _insert(file, 2 * people, into.replace("?2", "900000000 + n / 2"))
    _insert(file, 18, into.replace("?2", "900000007"))
