"""The samples as somebody reads them: short, by the rules of the house, and those that the console offers."""

import ast

import pytest

from examples.__main__ import main, sample_names
from examples.places import CONSOLE
from grantline.web.console.samples import BASE_PORT, SAMPLES
from tests import house

EXAMPLES = house.ROOT / "examples"
MOST_LINES = 150
"""What a reader takes in at a sitting."""


def test_R97_the_console_offers_the_samples_that_there_are() -> None:
    assert sample_names() == sorted(SAMPLES)
    assert f":{BASE_PORT}/" in CONSOLE
    ports = [sample.port for sample in SAMPLES.values() if sample.port]
    assert sorted(ports) == list(range(4, 10)), "each beside the others, after the demo's own four"


def test_a_name_that_no_sample_has_is_told_with_those_that_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["lead-desk"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("There is no sample 'lead-desk'.\n")
    assert all(name in said for name in sample_names())


def test_the_samples_keep_the_rules_of_the_house() -> None:
    broken = [
        f"{path.relative_to(EXAMPLES)}:{problem}"
        for path in house.modules(EXAMPLES)
        for rule in house.RULES
        for problem in rule(house.tree_of(path))
    ]
    assert not broken


def test_every_file_of_a_sample_is_short_and_says_what_it_is() -> None:
    for path in house.modules(EXAMPLES):
        said = ast.get_docstring(house.tree_of(path))
        assert said, path
        assert len(path.read_text().splitlines()) <= MOST_LINES, path
