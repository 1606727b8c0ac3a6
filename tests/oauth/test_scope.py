"""Scopes are split, joined and compared segment by segment."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.oauth.errors import InvalidScope
from grantline.oauth.scope import OPERATIONS, covers, covers_all, parse_scope, render_scope

SEGMENT = st.sampled_from(["CRM", "crm", "modules", "leads", "leadsarchive", "ALL", "settings", "", "é"])
NAME = st.builds(
    lambda path, operation: ".".join([*path, operation]),
    st.lists(SEGMENT, min_size=1, max_size=4),
    st.sampled_from([*OPERATIONS, "read", "All", "", "leads"]),
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("openid", ("openid",)),
        ("a b c", ("a", "b", "c")),
        ("a,b,c", ("a", "b", "c")),
        (" a ,, b\t,\r\n c ", ("a", "b", "c")),
        ("b a b a", ("b", "a")),
        ("CRM.modules.ALL,crm.modules.all", ("CRM.modules.ALL", "crm.modules.all")),
    ],
)
def test_names_are_separated_by_commas_or_blanks_in_order(text: str, names: tuple[str, ...]) -> None:
    assert parse_scope(text) == names


def test_6749_3_3_c_scope_names_are_case_sensitive_when_split() -> None:
    """RFC 6749 §3.3; what folds is the comparison of API scopes alone."""
    assert parse_scope("OpenID openid") == ("OpenID", "openid")
    assert not covers("OpenID", "openid")


@pytest.mark.parametrize(
    "text", ['a"b', "a\\b", "a\x00", "é", "a\x0bb", "a\xa0b", "a\u2003b", '["a"]', "a\x7f"]
)
def test_characters_outside_the_grammar_are_malformed(text: str) -> None:
    with pytest.raises(InvalidScope) as caught:
        parse_scope(text)
    assert caught.value.code == "scope_malformed"


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_a_scope_without_a_name_is_missing(text: str) -> None:
    with pytest.raises(InvalidScope) as caught:
        parse_scope(text)
    assert caught.value.code == "scope_missing"


def test_T135_long_scopes_are_refused() -> None:
    """4,096 characters and 100 names."""
    assert len(parse_scope(" ".join(f"s{n}" for n in range(100)))) == 100
    assert parse_scope("s" * 4096)
    for text in (" ".join(f"s{n}" for n in range(101)), "s " * 101, "s" * 4097, "s" * 1_000_000):
        with pytest.raises(InvalidScope) as caught:
            parse_scope(text)
        assert caught.value.code == "scope_too_long"


@given(st.text(max_size=60))
def test_any_text_is_names_of_the_grammar_or_refused(text: str) -> None:
    try:
        names = parse_scope(text)
    except InvalidScope:
        return
    assert names
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+", name) for name in names)
    assert parse_scope(render_scope(names)) == names
    assert parse_scope(",".join(names)) == names


@pytest.mark.parametrize(
    ("granted", "needed"),
    [
        ("CRM.modules.leads.READ", "CRM.modules.leads.READ"),
        ("crm.MODULES.Leads.read", "CRM.modules.leads.READ"),
        ("CRM.modules.READ", "CRM.modules.leads.READ"),
        ("CRM.modules.ALL", "CRM.modules.leads.DELETE"),
        ("CRM.modules.ALL.READ", "CRM.modules.leads.READ"),
        ("CRM.modules.ALL.ALL", "CRM.modules.leads.READ"),
        ("CRM.ALL", "CRM.settings.fields.UPDATE"),
        ("CRM.modules.leads.WRITE", "CRM.modules.leads.UPDATE"),
        ("CRM.modules.ALL", "CRM.modules.ALL.READ"),
        ("openid", "openid"),
        ("CRM.modules.custom", "crm.modules.CUSTOM"),
    ],
)
def test_a_scope_covers_what_lies_below_it(granted: str, needed: str) -> None:
    assert covers(granted, needed)


@pytest.mark.parametrize(
    ("granted", "needed"),
    [
        ("CRM.modules.leads.READ", "CRM.modules.leadsarchive.READ"),
        ("CRM.modules.leadsarchive.READ", "CRM.modules.leads.READ"),
        ("CRM.modules.READ", "CRM.settings.READ"),
        ("CRM.modules.READ", "Books.modules.READ"),
        ("CRM.modules.leads.READ", "CRM.modules.leads.WRITE"),
        ("CRM.modules.leads.WRITE", "CRM.modules.leads.READ"),
        ("CRM.modules.leads.CREATE", "CRM.modules.leads.WRITE"),
        ("CRM.modules.leads.WRITE", "CRM.modules.leads.ALL"),
        ("CRM.modules.leads.READ", "CRM.modules.READ"),
        ("CRM.modules.leads.READ", "CRM.modules.ALL.READ"),
        ("CRM.modules.ALL.READ", "CRM.modules.READ"),
        ("ALL.ALL", "CRM.modules.READ"),
        (".ALL", "CRM.modules.READ"),
        (".ALL", ".READ"),
        ("CRM..ALL", "CRM..READ"),
        ("CRM.modules.ALL", "CRM.modules.leads"),
        ("CRM.modules.custom", "CRM.modules.leads.custom"),
        ("ALL", "CRM.modules.READ"),
        ("openid", "CRM.modules.READ"),
        ("openid", "OPENID"),
        ("openid", "email"),
        ("CRM.ALL", "openid"),
        ("CRM.modules.lead\u017f.READ", "CRM.modules.leads.READ"),
        ("CRM.modules.leads.READ.", "CRM.modules.leads.READ"),
    ],
)
def test_T100_a_scope_covers_nothing_else(granted: str, needed: str) -> None:
    """Whole segments, no prefixes, no service for another (RFC 6750 §3.1, R9)."""
    assert not covers(granted, needed)


def test_write_is_create_update_and_delete() -> None:
    assert OPERATIONS["WRITE"] == {"WRITE", "CREATE", "UPDATE", "DELETE"}
    assert set().union(*OPERATIONS.values()) == OPERATIONS["ALL"] == set(OPERATIONS)
    assert all(operation in covered for operation, covered in OPERATIONS.items())


@given(NAME, NAME, NAME)
def test_covering_is_transitive_and_never_leaves_the_service(one: str, two: str, three: str) -> None:
    if covers(one, two):
        assert one.split(".")[0].upper() == two.split(".")[0].upper()
        if covers(two, three):
            assert covers(one, three)


def test_all_needed_scopes_must_be_covered() -> None:
    granted = ["openid", "CRM.modules.READ"]
    assert covers_all(granted, ["CRM.modules.leads.READ", "openid"])
    assert not covers_all(granted, ["CRM.modules.leads.READ", "email"])
    assert covers_all(iter(granted), iter(["openid", "CRM.modules.READ"]))
    assert covers_all([], [])
