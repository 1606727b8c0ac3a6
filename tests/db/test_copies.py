"""Databases that tests hand on: nothing of one test is left for the next."""

from collections.abc import Iterator

import pytest

from tests.cluster import Cluster
from tests.copies import Copies

ROWS = "SELECT string_agg(name, ' ' ORDER BY id) FROM thing"
ADD = "INSERT INTO thing (name) VALUES ('left')"


@pytest.fixture(scope="module")
def copies(postgres: Cluster) -> Iterator[Copies]:
    """Copies of a database with two rows in one of its two tables."""
    template = postgres.new_database()
    postgres.sql(
        "CREATE TABLE thing (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT UNIQUE);"
        " CREATE TABLE other (thing_id BIGINT REFERENCES thing);"
        " INSERT INTO thing (name) VALUES ('one'), ('two')",
        template,
    )
    yield Copies(postgres, template)
    postgres.drop_database(template)


def test_a_copy_that_was_used_holds_the_rows_of_the_template_and_counts_from_there(copies: Copies) -> None:
    first, sql = copies.take(), copies.cluster.sql
    sql(f"DELETE FROM thing; {ADD}; INSERT INTO other SELECT id FROM thing", first)
    copies.give_back(first)
    again = copies.take()
    assert again == first
    assert sql(ROWS, again) == "one two"
    assert sql("SELECT count(*) FROM other", again) == "0"
    assert sql(f"{ADD} RETURNING id", again) == "3"
    copies.give_back(again)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE thing ADD COLUMN more TEXT",
        "ALTER TABLE other RENAME TO another",
        "ALTER TABLE thing DROP CONSTRAINT thing_name_key",
        "CREATE INDEX ON other (thing_id)",
        "CREATE SCHEMA more",
    ],
)
def test_a_copy_whose_tables_were_changed_is_not_used_again(copies: Copies, change: str) -> None:
    changed = copies.take()
    copies.cluster.sql(change, changed)
    copies.give_back(changed)
    fresh = copies.take()
    assert fresh != changed
    copies.give_back(fresh)


def test_two_who_take_a_copy_have_one_each(copies: Copies) -> None:
    first, second = copies.take(), copies.take()
    assert first != second
    copies.give_back(second)
    copies.give_back(first)
