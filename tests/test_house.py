"""The rules of the house: each is shown to catch what it must, and then held against the whole tree."""

import ast
import hashlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import house
from tests.house import BANNED_NAMES, MODULE_LINES, ROOT, SOURCE, modules

Rule = Callable[[ast.Module], Iterator[str]]

ALLOWED = {
    "datacenters/home.py: == on code": "the code of a data center, which is public",
    "grants/exchange.py: == on code": "the same",
    "web/pages/reference.py: == on code": "the name of an error, which is public",
    "db/sqlite.py: a cache that all data centers in the process share": "statement texts, the same for all",
    "db/sqlite.py: SQL assembled in the call of .execute": "settings of the connection, all named there",
    "db/sqlite.py: SQL assembled from parts": "the same",
    "db/postgres.py: SQL assembled from parts": "a noun's statement, to be bound many times",
    "db/tables.py: SQL assembled from parts": "names of tables and columns out of the schema, quoted",
    "oauth/redirect_difference.py: .isdigit (takes digits of every script)": "only marks a difference",
}

FAULTS: dict[str, tuple[Rule, str]] = {
    "a function of 51 lines": (house.long_functions, "def f():\n" + "    pass\n" * 51),
    "a TYPE_CHECKING import": (
        house.type_checking_imports,
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING: pass",
    ),
    "an f-string in a query": (house.assembled_sql, "db.one(f'SELECT {column} FROM client')"),
    "a percent sign in a query": (house.assembled_sql, "db.all('SELECT %s FROM client' % column)"),
    "a query that grows by +": (house.assembled_sql, "db.run('DELETE FROM client WHERE name = ' + name)"),
    "a query assembled beforehand": (house.assembled_sql, "sql = f'SELECT * FROM {table}'"),
    "a query by format": (house.assembled_sql, "sql = 'SELECT * FROM {}'.format(table)"),
    "two digests compared by ==": (house.compared_secrets, "row['digest'] == digest"),
    "two secrets compared by !=": (house.compared_secrets, "given != self.client_secret"),
    "a dict that anybody may fill": (house.module_state, "CACHE = {}"),
    "an annotated list": (house.module_state, "seen: list[str] = []"),
    "a global": (house.module_state, "def f():\n    global x\n    x = 1"),
    "a cached function": (house.module_state, "@functools.lru_cache(maxsize=9)\ndef f(): ..."),
    "a match without an end": (house.loose_matching, "PATTERN.match(text)"),
    "isdigit": (house.loose_matching, "text.isdigit()"),
    "random": (house.weak_randomness, "from random import choice"),
    "a citation in words": (house.wrong_citations, "'''As RFC 6749, section 4 says.'''"),
    "a citation without a space": (house.wrong_citations, "def f():\n    '''See RFC6749 §4.'''"),
}

FINE: dict[str, tuple[Rule, str]] = {
    "a long docstring": (house.long_functions, "def f():\n    '''" + "x\n" * 60 + "'''\n    pass"),
    "a constant list of columns": (
        house.assembled_sql,
        "db.one(f'SELECT {COLUMNS} FROM client WHERE id = $1', id)",
    ),
    "a sentence that starts like a query": (house.assembled_sql, "f'Update {name} to go on'"),
    "a comparison with a constant": (house.compared_secrets, "purpose == Purpose.MAC"),
    "a comparison with a literal": (house.compared_secrets, "problem.code == 'code_unknown'"),
    "a constant table": (house.module_state, "TABLE: Final[Mapping[str, int]] = {'a': 1}"),
    "digits of ASCII": (house.loose_matching, "text.isascii() and text.isdigit()"),
    "fullmatch": (house.loose_matching, "PATTERN.fullmatch(text)"),
    "a proper citation": (house.wrong_citations, "'''RFC 6749 §4.1.3'''"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    rule, source = FAULTS[fault]
    assert list(rule(ast.parse(source)))


@pytest.mark.parametrize("case", FINE)
def test_what_is_right_is_left_alone(case: str) -> None:
    rule, source = FINE[case]
    assert not list(rule(ast.parse(source)))


def broken(rule: Rule) -> list[str]:
    found = []
    for path in modules():
        place = path.relative_to(SOURCE).as_posix()
        for problem in rule(house.tree_of(path)):
            line, _, sentence = problem.partition(": ")
            if f"{place}: {sentence}" not in ALLOWED:
                found.append(f"{place}:{line}: {sentence}")
    return found


def test_what_is_allowed_is_still_there() -> None:
    found = {
        f"{path.relative_to(SOURCE).as_posix()}: {problem.partition(': ')[2]}"
        for path in modules()
        for rule in house.RULES
        for problem in rule(house.tree_of(path))
    }
    assert found >= ALLOWED.keys()


def test_no_function_is_longer_than_fifty_lines() -> None:
    assert not broken(house.long_functions)


def test_no_noun_needs_a_type_checking_import() -> None:
    assert not broken(house.type_checking_imports)


def test_T145_sql_is_made_of_constants_alone() -> None:
    assert not broken(house.assembled_sql)


def test_T150_secrets_are_never_compared_with_equals() -> None:
    assert not broken(house.compared_secrets)


def test_T114_no_module_holds_state_that_two_data_centers_would_share() -> None:
    assert not broken(house.module_state)


def test_patterns_and_digits_are_matched_whole_and_in_ascii() -> None:
    assert not broken(house.loose_matching)


def test_randomness_comes_from_secrets_alone() -> None:
    assert not broken(house.weak_randomness)


def test_an_rfc_is_cited_in_one_form() -> None:
    assert not broken(house.wrong_citations)


def test_nobody_reaches_past_the_front_door_of_a_folder() -> None:
    assert list(house.closed_doors(ast.parse("from grantline.db.sqlite import Row")))
    reached = [line for line in broken(house.closed_doors) if line.split("/")[0] != line.split(": ")[1]]
    assert not reached


def test_the_import_contracts_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    sizes = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in modules()}
    assert not {name: size for name, size in sizes.items() if size > MODULE_LINES}


def test_routes_fit_on_one_screen_and_settings_on_two() -> None:
    assert len((SOURCE / "web" / "routes.py").read_text().splitlines()) <= 120
    assert len((SOURCE / "settings.py").read_text().splitlines()) <= 150


def test_no_name_says_nothing() -> None:
    places = {place for path in modules() for place in (path, path.parent)}
    words = {path: set(path.stem.lower().split("_")) for path in places}
    assert not [path.relative_to(ROOT).as_posix() for path in places if words[path] & BANNED_NAMES]


def test_nothing_is_left_for_later_in_a_comment() -> None:
    marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    folders = [ROOT / name for name in ("src", "tests", "examples", "bench")]
    files = [
        path for folder in folders for kind in ("*.py", "*.html", "*.sql") for path in folder.rglob(kind)
    ]
    files = [path for path in files if ".peers" not in path.parts]  # what the bench installs is others' work
    assert not [path.relative_to(ROOT).as_posix() for path in files if marks.search(path.read_text())]


def test_every_folder_has_a_front_door_that_says_what_it_is() -> None:
    folders = {path.parent for path in modules()}
    silent = []
    for folder in folders:
        door = folder / "__init__.py"
        if not door.exists() or not ast.get_docstring(house.tree_of(door)):
            silent.append(folder.relative_to(ROOT).as_posix())
    assert not sorted(silent)


def test_every_module_says_what_it_is() -> None:
    silent = [path for path in modules() if not ast.get_docstring(house.tree_of(path))]
    assert not [path.relative_to(ROOT).as_posix() for path in silent]


TEMPLATE_FAULTS = {
    "the safe filter": r"\|\s*safe\b",
    "autoescape": r"\{%-?\s*autoescape",
    "an inline script": r"<script(?![^>]*\bsrc=)",
    "an inline handler": r"<[^>]*\son[a-z]+\s*=",
    "an inline style": r"<style\b|<[^>]*\sstyle\s*=",
    "a foreign address": r"<(?:script|link|img|iframe|source)\b[^>]*(?:src|href)=[\"']?(?:https?:)?//",
}


@pytest.mark.parametrize("fault", TEMPLATE_FAULTS)
def test_T88_no_template_has(fault: str) -> None:
    pattern = re.compile(TEMPLATE_FAULTS[fault], re.IGNORECASE)
    pages = [path for kind in ("*.html", "*.jinja", "*.svg") for path in SOURCE.rglob(kind)]
    assert not [path.relative_to(ROOT).as_posix() for path in pages if pattern.search(path.read_text())]


def test_T140_every_locked_package_has_a_hash_and_no_address() -> None:
    locks = sorted((ROOT / "requirements").glob("*.lock"))
    assert len(locks) >= 3
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text
        assert "--index-url" not in text
        for requirement in re.split(r"\n(?=[A-Za-z0-9])", text.strip()):
            assert re.match(r"[A-Za-z0-9._-]+==[^\s;]+", requirement), requirement
            assert "--hash=sha256:" in requirement, f"{lock.name}: {requirement.splitlines()[0]}"


def test_T140_tests_run_on_the_versions_that_the_server_runs_on() -> None:
    pins = [
        dict(
            re.findall(
                r"^([A-Za-z0-9._-]+)==([^\s;]+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE
            )
        )
        for name in ("run.lock", "dev.lock")
    ]
    assert pins[0].items() <= pins[1].items()


def vendored_files() -> Iterator[Path]:
    """Files that others made: whatever is in a folder `vendor`, fonts and minified scripts anywhere."""
    for path in SOURCE.rglob("*"):
        foreign = "vendor" in path.parts or path.suffix in (".woff2", ".woff") or ".min." in path.name
        if path.is_file() and foreign and path.name != "SHA256SUMS" and path.suffix not in (".py", ".pyc"):
            yield path


def test_T142_what_others_made_is_what_we_checked() -> None:
    for path in vendored_files():
        sums = next(
            (folder / "SHA256SUMS" for folder in path.parents if (folder / "SHA256SUMS").exists()), None
        )
        assert sums, f"{path.relative_to(ROOT)} has no SHA256SUMS above it"
        known = dict(line.split(maxsplit=1)[::-1] for line in sums.read_text().splitlines() if line)
        assert (
            known.get(path.relative_to(sums.parent).as_posix())
            == hashlib.sha256(path.read_bytes()).hexdigest()
        )
