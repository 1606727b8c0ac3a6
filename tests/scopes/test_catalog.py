"""The catalogue of scopes: what exists, found in any spelling, shown in words, and for whom it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.oauth.errors import InvalidScope
from grantline.oauth.scope import covers, parse_scope
from grantline.scopes import Catalog, DeclaredApi

CRM, BOOKS = "https://crm.example", "https://books.example"
CATALOG = Catalog((DeclaredApi(CRM, "CRM", "CRM"), DeclaredApi(BOOKS, "Books", "Books")))
API_SCOPES = [scope.name for scope in CATALOG.scopes if scope.service != "OpenID"]


def test_every_scope_has_a_name_of_its_own_and_a_sentence() -> None:
    names = [scope.name.lower() for scope in CATALOG.scopes]
    assert len(names) == len(set(names))
    for scope in CATALOG.scopes:
        assert scope.sentence
        assert "{" not in scope.sentence
        assert parse_scope(scope.name) == (scope.name,)


@pytest.mark.parametrize("name", API_SCOPES)
def test_T86_an_api_scope_is_found_in_any_case_and_kept_in_one(name: str) -> None:
    for spelled in (name, name.upper(), name.lower(), name.swapcase()):
        found = CATALOG.find(spelled)
        assert found is not None
        assert found.name == name


@pytest.mark.parametrize("name", ["OpenID", "EMAIL", "Profile", "OFFLINE_ACCESS"])
def test_an_openid_scope_is_found_exactly_as_it_is(name: str) -> None:
    """OpenID Connect Core §3.1.2.1: scope values are case-sensitive strings."""
    assert CATALOG.find(name) is None
    assert CATALOG.find(name.lower()) is not None


@pytest.mark.parametrize(
    "name",
    [
        "CRM.modules.leads",
        "CRM.modules",
        "CRM.ALL",
        "CRM",
        "CRM.modules.leads.READ.READ",
        "CRM.modules.leadsarchive.READ",
        "CRM..READ",
        ".CRM.modules.READ",
        "CRM.modules.READ.",
        "CRM.modules.lead\u017f.READ",
        "\u0421RM.modules.READ",
        "AaaServer.profile.ALL",
        "Nowhere.modules.READ",
        "*",
    ],
)
def test_T86_what_only_resembles_a_scope_is_none(name: str) -> None:
    assert CATALOG.find(name) is None
    with pytest.raises(InvalidScope):
        CATALOG.resolve((name,))
    with pytest.raises(InvalidScope):
        CATALOG.resolve((name, "CRM.modules.READ"))


def test_unknown_plain_words_are_passed_over_beside_openid_alone() -> None:
    """OpenID Connect Core §3.1.2.1: scope values that are not understood should be ignored."""
    resolved = CATALOG.resolve(("openid", "address", "CRM.modules.READ"))
    assert (resolved.names, resolved.ignored) == (("openid", "CRM.modules.READ"), ("address",))
    with pytest.raises(InvalidScope):
        CATALOG.resolve(("address", "CRM.modules.READ"))
    with pytest.raises(InvalidScope):
        CATALOG.resolve(("openid", "CRM.nothing.READ"))


def test_T86_two_spellings_of_one_scope_are_one() -> None:
    resolved = CATALOG.resolve(("crm.MODULES.read", "CRM.modules.READ", "openid"))
    assert resolved.names == ("CRM.modules.READ", "openid")
    assert resolved.asked == ("crm.MODULES.read", "openid")


def test_nothing_asked_is_nothing_granted() -> None:
    with pytest.raises(InvalidScope):
        CATALOG.resolve(())


@given(names=st.lists(st.sampled_from([scope.name for scope in CATALOG.scopes]), min_size=1, max_size=30))
def test_resolving_gives_exactly_what_was_asked(names: list[str]) -> None:
    resolved = CATALOG.resolve(tuple(names))
    assert resolved.names == tuple(dict.fromkeys(names))
    assert {scope.name for scope in CATALOG.get(resolved.names)} == set(names)


@given(text=st.text(max_size=60))
def test_any_text_is_a_scope_or_an_error(text: str) -> None:
    found = CATALOG.find(text)
    assert found is None or found.name.lower() == text.lower()


def test_T86_the_most_sensitive_comes_first() -> None:
    shown = CATALOG.get(["openid", "CRM.org.READ", "CRM.modules.ALL", "CRM.modules.leads.CREATE"])
    assert [scope.name for scope in shown] == [
        "CRM.modules.ALL",
        "CRM.modules.leads.CREATE",
        "CRM.org.READ",
        "openid",
    ]
    assert [scope.sensitivity for scope in shown] == sorted((s.sensitivity for s in shown), reverse=True)


@pytest.mark.parametrize("name", API_SCOPES)
def test_T86_all_and_write_are_spelled_out(name: str) -> None:
    scope = CATALOG.find(name)
    assert scope is not None
    operation = name.rpartition(".")[2]
    if operation in ("ALL", "WRITE"):
        assert "delete" in scope.sentence
    if operation == "ALL":
        assert scope.sentence.startswith("See")
    if operation == "READ":
        assert scope.group == "See"
        assert not covers(name, name.replace("READ", "WRITE"))


def test_T99_a_token_is_for_the_apis_of_its_scopes_and_no_other() -> None:
    assert CATALOG.audience(["CRM.modules.READ"]) == (CRM,)
    assert CATALOG.audience(["Books.READ", "CRM.modules.READ"]) == (BOOKS, CRM)
    assert CATALOG.audience(["openid", "email"]) == ()
    assert CATALOG.served_by(BOOKS, ["CRM.modules.READ", "Books.READ"]) == ("Books.READ",)
    assert CATALOG.served_by("https://crm.example/", ["CRM.modules.READ"]) == ()
    assert CATALOG.identifiers() == {CRM, BOOKS}


def test_T30_a_persons_scopes_are_not_for_apps() -> None:
    for name in ("AaaServer.profile.READ", "openid", "email", "profile", "offline_access"):
        scope = CATALOG.find(name)
        assert scope is not None
        assert not scope.for_apps


def test_an_alias_of_a_service_holds_only_where_it_is_given() -> None:
    aliases = {"oldcrm": "CRM"}
    found = CATALOG.find("OldCRM.modules.READ", aliases)
    assert found is not None
    assert found.name == "CRM.modules.READ"
    assert CATALOG.find("OldCRM.modules.READ") is None
    assert CATALOG.find("oldcrm", aliases) is None


def test_an_api_that_declares_the_prefix_of_a_known_service_adds_no_scopes() -> None:
    assert len(Catalog((DeclaredApi(CRM, "crm", "Fake"),)).scopes) == len(Catalog(()).scopes)
