"""APIs: what their owners may declare, as a file and by command."""

import contextlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.clients import (
    ApiDeclaration,
    ApiRefused,
    ApiScope,
    check_declaration,
    create_api,
    delete_api,
    list_workspace_apis,
    parse_api_manifest,
    render_api_manifest,
    update_api,
)
from grantline.tokens import load_catalog
from tests.centers import Sites
from tests.site import Site

GOOD = ApiDeclaration(
    "https://billing.example",
    "Billing",
    "Billing",
    (
        ApiScope("Billing.invoices.READ", "See your invoices", 1),
        ApiScope("Billing.invoices.ALL", "See, add, edit and delete your invoices", 5, for_apps=False),
    ),
    "jwt-es256",
    600,
)


def test_a_declaration_is_read_back_from_its_file_as_it_was() -> None:
    assert parse_api_manifest(render_api_manifest(GOOD)) == GOOD


@given(
    st.text(min_size=3, max_size=60),
    st.integers(1, 5),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["READ", "ALL", "WRITE", "DELETE"]),
)
def test_every_declaration_that_counts_survives_its_file(
    sentence: str, sensitivity: int, for_apps: bool, shows_person: bool, operation: str
) -> None:
    scope = ApiScope(f"Billing.x_1.{operation}", sentence, sensitivity, for_apps, shows_person)
    try:
        said = check_declaration(replace(GOOD, scopes=(scope,)))
    except ApiRefused:
        return
    assert parse_api_manifest(render_api_manifest(said)) == said


@given(st.text(max_size=200))
def test_any_text_is_a_declaration_or_refused(text: str) -> None:
    with contextlib.suppress(ApiRefused):
        assert isinstance(parse_api_manifest(text), ApiDeclaration)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("identifier: [1", "This is no YAML: look at line 1."),
        ("- a", "Line 1: The manifest must be lines of `key: value`."),
        (
            "identifier: https://a.example\nidentifier: https://b.example",
            "Line 2: 'identifier' stands there twice.",
        ),
        ("name: a\nclient_secret: x", "Line 2: there is no key 'client_secret'"),
        ("name: &a x\nscope_prefix: *a", "Anchors and aliases"),
        ("name: !!python/object:os.system x", "Tags (!) are not read"),
        ("token_seconds: soon", "Line 1: token_seconds must be a number."),
        ("scopes:\n  Billing.READ: {sentence: See, level: 3}", "a scope has no 'level'"),
        ("scopes:\n  Billing.READ: {sentence: {a: {b: c}}}", "nested too deep"),
        ("", "The manifest is empty."),
        ("a: " + "x" * 70_000, "longer than"),
    ],
)
def test_a_file_with_a_mistake_is_refused_with_the_line(text: str, sentence: str) -> None:
    with pytest.raises(ApiRefused, match=re.escape(sentence)):
        parse_api_manifest(text)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"identifier": "billing"}, "identifier"),
        ({"identifier": "https://b.example/#x"}, "identifier"),
        ({"identifier": "https://u:p@b.example"}, "identifier"),
        ({"identifier": "https://b.example/ä"}, "identifier"),
        ({"scope_prefix": "Bill ing"}, "scope_prefix"),
        ({"name": ""}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"token_format": "jwt-none"}, "token_format"),
        ({"token_seconds": 59}, "token_seconds"),
        ({"token_seconds": 3601}, "token_seconds"),
        ({"origins_policy": "all"}, "origins_policy"),
        ({"scopes": (ApiScope("Billing.invoices.BURN", "Burn your invoices"),)}, "scopes"),
        ({"scopes": (ApiScope("CRM.leads.READ", "See your leads"),)}, "scopes"),
        ({"scopes": (ApiScope("Billing.READ", "x"),)}, "scopes"),
        ({"scopes": (ApiScope("Billing.READ", "See\nthem"),)}, "scopes"),
        ({"scopes": (ApiScope("Billing.READ", "See them", 6),)}, "scopes"),
        ({"scopes": (ApiScope("Billing.READ", "See them"), ApiScope("Billing.READ", "See"))}, "scopes"),
        ({"scopes": tuple(ApiScope(f"Billing.a{n}.READ", "See them") for n in range(101))}, "scopes"),
    ],
)
def test_what_an_api_may_not_say_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ApiRefused) as refused:
        check_declaration(replace(GOOD, **change))
    assert refused.value.field == field


async def make(site: Site, said: ApiDeclaration, workspace_id: int = 0) -> Any:
    return await create_api(
        site.db,
        said=said,
        data_center="us",
        now=site.clock(),
        workspace_id=workspace_id,
        created_by=site.account.id,
    )


async def test_declared_scopes_are_asked_for_in_their_own_words(site: Site) -> None:
    await make(site, GOOD)
    catalog = await load_catalog(site.db)
    found = catalog.find("billing.INVOICES.read")
    assert found is not None
    assert (found.sentence, found.group, found.sensitivity) == ("See your invoices", "See", 1)
    assert catalog.find("Billing.invoices.DELETE") is None
    assert catalog.find("Billing.READ") is None
    found = catalog.find("Billing.invoices.ALL")
    assert found is not None
    assert not found.for_apps


@pytest.mark.parametrize("prefix", ["CRM", "crm", "AaaServer", "ZohoCRM", "OpenID"])
async def test_T99_a_workspace_gets_no_prefix_that_is_known(site: Site, prefix: str) -> None:
    said = replace(GOOD, scope_prefix=prefix, scopes=())
    with pytest.raises(ApiRefused, match="is taken"):
        await make(site, said, workspace_id=site.account.id)


async def test_T99_a_workspace_gets_no_prefix_of_another(site: Site) -> None:
    await make(site, GOOD, workspace_id=site.account.id)
    for prefix in ("Billing", "BILLING"):
        said = replace(GOOD, identifier="https://evil.example", scope_prefix=prefix, scopes=())
        with pytest.raises(ApiRefused, match="is taken"):
            await make(site, said, workspace_id=77)
    assert await list_workspace_apis(site.db, 77) == []


async def test_two_apis_have_two_identifiers(site: Site) -> None:
    await make(site, GOOD)
    with pytest.raises(ApiRefused, match="exists already"):
        await make(site, replace(GOOD, scope_prefix="Other", scopes=()))


async def test_a_changed_api_counts_at_every_node_within_a_look(site: Site) -> None:
    api, _ = await make(site, GOOD)
    await site.server.node.look()
    assert site.mint.catalog.form_for((GOOD.identifier,)).algorithm == "ES256"
    await update_api(site.db, api, replace(api.declaration, token_format="opaque"), site.clock())
    await site.server.node.look()
    assert site.mint.catalog.form_for((GOOD.identifier,)).algorithm == ""
    with pytest.raises(ApiRefused, match="prefix can't change"):
        await update_api(site.db, api, replace(GOOD, scope_prefix="New", scopes=()), site.clock())


async def test_a_deleted_api_introspects_nothing_and_its_scopes_are_gone(site: Site) -> None:
    api, secret = await make(site, GOOD)
    await site.server.node.look()
    app = await site.app("server-based")
    asked = {"grant_type": "client_credentials", "scope": "Billing.invoices.READ"}
    token = (await site.token(app, **asked)).json()["access_token"]
    auth = (api.client_id, secret)
    assert (await site.post("/oauth/v2/introspect", {"token": token}, auth=auth)).json()["active"]
    assert await delete_api(site.db, api.client_id, site.clock())
    assert not await delete_api(site.db, api.client_id, site.clock())
    await site.server.node.look()
    assert (await site.post("/oauth/v2/introspect", {"token": token}, auth=auth)).status_code == 401
    assert (await site.token(app, **asked)).json()["error"] == "invalid_scope"
    await make(site, GOOD)  # the identifier is free again


@pytest.mark.parametrize("path", ["", "/"])
async def test_T99_no_api_has_the_issuers_own_identifier(site: Site, path: str) -> None:
    """Whoever had it could ask about every token that userinfo takes."""
    said = replace(GOOD, identifier=site.issuer + path)
    with pytest.raises(ApiRefused, match="authorization server’s own"):
        await make(site, said)
    api, _ = await make(site, GOOD)
    with pytest.raises(ApiRefused, match="authorization server’s own"):
        await update_api(site.db, api, said, site.clock())
    await make(site, replace(GOOD, identifier=f"{site.issuer}/billing", scope_prefix="Other", scopes=()))


async def test_T99_nor_that_of_another_data_center(sites: Sites) -> None:
    said = replace(GOOD, identifier=sites["eu"].issuer)
    with pytest.raises(ApiRefused, match="authorization server’s own"):
        await make(sites["us"], said)


def test_the_manifest_in_the_document_is_one() -> None:
    text = (Path(__file__).parents[2] / "docs" / "apis.md").read_text()
    said = parse_api_manifest(text.split("```yaml\n")[1].split("```")[0])
    assert said.token_format == "jwt-es256"
    assert [scope.sensitivity for scope in said.scopes] == [1, 5]
