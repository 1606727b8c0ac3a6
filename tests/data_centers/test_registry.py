"""The registry: read as it stands, or refused with a sentence that names the line."""

import os
import random
import re
from pathlib import Path
from typing import Final

import pytest

from grantline.datacenters import DataCenter, DataCenters, RegistryRefused, parse_registry, read_registry
from grantline.datacenters.registry import LARGEST, MOST

US: Final = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
EU: Final = "CVDFLCAjXhVWiPXH9nTCTpCgVzmDVoiPzNJYuccr1dI"
LONG: Final = os.environ.get("TEST_LENGTH") == "long"
HOME: Final = DataCenter("us", "https://us.example", "https://api.us.example")
GOOD: Final = f"""\
# The data centers of Example.
[us]
name = "United States"
accounts = "https://us.example"
api = "https://api.us.example"
keys = ["{US}"]

[eu]
name = "Europe"
accounts = "https://eu.example"
api = "https://api.eu.example"
console = "https://eu.example/developers"
keys = ["{EU}"]
"""


def read(text: str) -> DataCenters:
    return parse_registry(text, HOME, "data-centers.toml")


def test_the_file_is_read_as_it_stands() -> None:
    centers = read(GOOD)
    assert centers.home == DataCenter(
        "us", "https://us.example", "https://api.us.example", "United States", "", (US,)
    )
    assert centers.others == (
        DataCenter(
            *("eu", "https://eu.example", "https://api.eu.example", "Europe"),
            *("https://eu.example/developers", (EU,)),
        ),
    )
    assert centers.home.console == "https://us.example/console"


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD.replace("[us]", '["us"]'),
        GOOD.replace(f'["{US}"]', f'[\n  "{US}",  # of 2026\n]'),
        GOOD.replace(f'keys = ["{EU}"]\n', ""),
    ],
)
def test_a_spelling_of_toml_makes_no_difference(text: str, tmp_path: Path) -> None:
    file = tmp_path / "data-centers.toml"
    file.write_bytes(text.encode())
    found = read_registry(file, HOME)
    assert found.home == read(GOOD).home
    assert [center.issuer for center in found.others] == ["https://eu.example"]


def changed(line: int, to: str) -> str:
    """The good text with another line."""
    lines = GOOD.split("\n")
    lines[line - 1] = to
    return "\n".join(lines)


MISTAKES: Final[list[tuple[str, int, str]]] = [
    (changed(3, 'name = "United States'), 3, "not TOML"),
    (changed(3, "name: United States"), 3, "not TOML"),
    (changed(8, "[eu"), 8, "not TOML"),
    (changed(8, "[us]"), 8, "not TOML"),
    (changed(10, 'accounts = "https://eu.example"\naccounts = "https://eu.example"'), 11, "not TOML"),
    (changed(9, "name = " + "9" * 5000), 9, "longer or deeper"),
    (changed(13, "keys = " + "[" * 5000), 13, "longer or deeper"),
    (changed(11, 'apis = "https://api.eu.example"'), 11, "'apis'"),
    (changed(11, 'api.base = "https://api.eu.example"'), 11, "api must"),
    (changed(9, ""), 8, "no 'name'"),
    (changed(10, ""), 8, "no 'accounts'"),
    (changed(11, ""), 8, "no 'api'"),
    (changed(9, 'name = ""'), 9, "1 to 60"),
    (changed(9, f'name = "{"x" * 61}"'), 9, "1 to 60"),
    (changed(9, "name = 7"), 9, "1 to 60"),
    (changed(9, 'name = "Eu\\u202erope"'), 9, "can't be seen"),
    (changed(8, "[europe]"), 8, "'europe'"),
    (changed(8, "[EU]"), 8, "'EU'"),
    (changed(8, "[e]"), 8, "'e'"),
    (changed(8, '["é1"]'), 8, "'é1'"),
    (changed(8, "[[eu]]"), 8, "must be a table"),
    ("eu = 1\n" + GOOD.partition("\n[eu]")[0], 1, "must be a table"),
    (changed(10, 'accounts = "http://eu.example"'), 10, "accounts must"),
    (changed(10, 'accounts = "https://eu.example/"'), 10, "accounts must"),
    (changed(10, 'accounts = "https://eu.example/oauth"'), 10, "without a path"),
    (changed(10, 'accounts = "https://me@eu.example"'), 10, "accounts must"),
    (changed(10, 'accounts = "https://eu.example?x"'), 10, "accounts must"),
    (changed(10, 'accounts = "https://eu.example:99999"'), 10, "a port"),
    (changed(10, 'accounts = "https://eu.example:0"'), 10, "a port"),
    (changed(10, "accounts = []"), 10, "accounts must"),
    (changed(11, 'api = "javascript:alert(1)"'), 11, "api must"),
    (changed(11, 'api = "https://api.eu.example:70000"'), 11, "a port"),
    (changed(12, 'console = "//evil.example"'), 12, "console must"),
    (changed(10, 'accounts = "https://us.example"'), 10, "[us] has the same accounts"),
    (changed(13, f'keys = ["{US}"]'), 13, "[us] has the same key"),
    (changed(13, f'keys = "{EU}"'), 13, "must be a list"),
    (changed(13, f'keys = ["{EU}", "", "", "", ""]'), 13, "at most 4"),
    (changed(13, f'keys = ["{EU[:-1]}"]'), 13, "43 characters"),
    (changed(13, f'keys = ["{EU[:-1]}J"]'), 13, "43 characters"),
    (changed(13, f'keys = ["{EU}="]'), 13, "43 characters"),
    (changed(13, "keys = [7]"), 13, "43 characters"),
    (changed(4, 'accounts = "https://other.example"'), 4, "GRANTLINE_PUBLIC_URL"),
    (changed(5, 'api = "https://other.example"'), 5, "GRANTLINE_API_DOMAIN"),
    (GOOD.partition("[us]")[0] + "[eu]" + GOOD.partition("[eu]")[2], 7, "without [us]"),
    ("", 1, "without [us]"),
    # What looks like another table's member is none of this one's.
    (changed(9, 'us = "x"'), 9, "'us'"),
    (changed(3, 'eu = "x"'), 3, "'eu'"),
    ('us = {name = "x", accounts = "https://us.example"}\n', 1, "no 'api'"),
    ('us.name = "x"\nus.accounts = "https://us.example"\nus.api = 1\n', 3, "api must"),
]


@pytest.mark.parametrize(("text", "line", "said"), MISTAKES, ids=[f"{said}" for _, _, said in MISTAKES])
def test_a_mistake_is_refused_with_a_sentence_that_names_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(RegistryRefused) as refused:
        read(text)
    sentence = str(refused.value)
    assert sentence.startswith(f"data-centers.toml, line {line}: "), sentence
    assert said in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_more_data_centers_than_anybody_has_are_refused_where_they_begin() -> None:
    codes = [chr(97 + number // 26) + chr(97 + number % 26) for number in range(MOST + 1)]
    text = "".join(
        f'[{code}]\nname = "x"\naccounts = "https://{code}.example"\napi = "https://{code}.example"\n'
        for code in codes
    )
    with pytest.raises(RegistryRefused, match=rf"line {4 * MOST + 1}: \[{codes[-1]}\] is one more than"):
        read(text)


def test_what_is_no_text_is_refused_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "data-centers.toml"
    file.write_bytes(GOOD.encode().replace(b"Europe", b"Eur\xffpe"))
    with pytest.raises(RegistryRefused, match=r"line 9: this is not a text in UTF-8\."):
        read_registry(file, HOME)
    file.write_bytes(GOOD.encode() + b"#" * LARGEST)
    with pytest.raises(RegistryRefused, match=r"line 14: the file goes on beyond 256 KB\."):
        read_registry(file, HOME)
    for path in (tmp_path / "missing.toml", tmp_path):
        with pytest.raises(RegistryRefused, match=r"can't be read: .*\."):
            read_registry(path, HOME)


def test_changed_anyhow_a_file_gives_a_registry_or_a_sentence_with_a_line(tmp_path: Path) -> None:
    """Bytes are changed, dropped, doubled and moved: nothing else than these two comes out, and what is read
    never stands for this data center's own addresses with others."""
    chooser = random.Random(20_261_122)
    file = tmp_path / "data-centers.toml"
    pieces = [
        b"[",
        b"]",
        b'"',
        b"=",
        b"\n",
        b".",
        b"'''",
        b'"""',
        b"\\u0000",
        b"\xff",
        b"us",
        b"eu",
        b"{",
        b"#",
    ]
    read_well, told = 0, []
    for _ in range(20_000 if LONG else 500):
        content = bytearray(GOOD.encode())
        for _ in range(chooser.choice((1, 1, 1, 2, 5))):
            start = chooser.randrange(len(content) + 1)
            end = min(len(content), start + chooser.choice((0, 1, 1, 3, 30)))
            moved = content[start:end]
            new = chooser.choice([b"", chooser.choice(pieces), bytes([chooser.randrange(256)]), moved * 2])
            content[start:end] = new
        file.write_bytes(content)
        try:
            found = read_registry(file, HOME)
        except RegistryRefused as refused:
            told.append((str(refused), bytes(content)))
        else:
            read_well += 1
            assert (found.home.issuer, found.home.api_domain) == (HOME.issuer, HOME.api_domain)
            assert len({center.issuer for center in found.every}) == len(found.every)
    assert read_well > 20
    sentence = re.compile(rf"{re.escape(str(file))}, line [1-9]\d*: [^\n]+\.")
    assert not [one for one in told if not sentence.fullmatch(one[0])]
