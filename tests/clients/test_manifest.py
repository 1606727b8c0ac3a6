"""Manifests: read strictly, written so that they read back the same, compared with what is registered."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.clients import (
    CLIENT_TYPES,
    Registration,
    RegistrationRefused,
    compare_manifest,
    manifest_of,
    parse_manifest,
    registration_of,
    render_manifest,
)
from grantline.clients.manifest import LISTS, LONGEST_MANIFEST, MANIFEST_KEYS, SWITCHES, Manifest
from tests.site import Site

YAML = """\
# how people know it
type: server-based
name: Lead Desk
homepage_url: https://app.example
redirect_uris:
  - https://app.example/callback
  - "http://127.0.0.1:5000/callback"
scopes: [CRM.modules.leads.READ, openid]
vendor_compatible: false
"""
SAME = {
    "type": "server-based",
    "name": "Lead Desk",
    "homepage_url": "https://app.example",
    "redirect_uris": ["https://app.example/callback", "http://127.0.0.1:5000/callback"],
    "scopes": ["CRM.modules.leads.READ", "openid"],
    "vendor_compatible": False,
}


def refusal(text: str) -> str:
    with pytest.raises(RegistrationRefused) as refused:
        parse_manifest(text)
    return str(refused.value)


def test_yaml_and_json_say_the_same() -> None:
    from_yaml, from_json = parse_manifest(YAML), parse_manifest(json.dumps(SAME, indent="\t"))
    assert from_yaml == from_json
    assert from_yaml.type_name == "server-based"
    asked = from_yaml.applied_to(Registration(name="Old", policy_url="https://app.example/policy"))
    assert asked.redirect_uris == tuple(SAME["redirect_uris"])
    assert asked.policy_url == "https://app.example/policy", "what the file does not name stays"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("name: a\nname: b", "name stands there twice"),
        ('{"name": "a", "name": "b"}', "name stands there twice"),
        (
            "name: a\nclient_secret: x\nskip_consent: true",
            "There is no key client_secret.; There is no key skip",
        ),
        ("name: &a Lead\nhomepage_url: *a", "Anchors and aliases"),
        ("name: *a", "Anchors and aliases"),
        ("name: !!python/object/apply:os.system [id]", "Tags"),
        ("redirect_uris: [[https://a.example]]", "nested too deep"),
        ("redirect_uris:\n  a: b", "list of texts"),
        ('{"redirect_uris": {}}', "list of texts"),
        ('{"redirect_uris": [1]}', "list of texts"),
        ('{"name": 7}', "name: write it as text"),
        ('{"name": "\\ud800"}', "name: write it as text"),
        ('name: "\\U00110000"', "no YAML"),
        ("implicit: yes", "implicit: write true or false"),
        ("type: teapot", "type: use server-based"),
        ("- name", "one key and its value"),
        ("just words", "one key and its value"),
        ("? [a]\n: b", "plain text"),
        ("name: a\n---\nname: b", "more than one document"),
        ("name: [a", "line 1"),
        ('{"name": "a",\n oops}', "line 2"),
        ("{" * 9000, "no JSON"),
        ('{"name":' + "[" * 30_000, "no JSON"),
        ("name: " + "[" * 30_000, "nested too deep"),
        ("# " + "x" * LONGEST_MANIFEST, "too long"),
        ("name: a\x07b", "no YAML"),
    ],
)
def test_what_a_manifest_must_not_hold_is_refused_with_a_sentence(text: str, told: str) -> None:
    assert told in refusal(text)


def test_plain_words_and_numbers_stay_the_text_that_they_look_like() -> None:
    assert parse_manifest("name: yes").values["name"] == "yes"
    assert parse_manifest("name: 2048").values["name"] == "2048"
    assert parse_manifest("name: 2026-11-22").values["name"] == "2026-11-22"
    assert parse_manifest("policy_url:").values["policy_url"] == ""


def test_other_spellings_of_a_type_are_understood() -> None:
    """R26"""
    assert parse_manifest("type: Web-based").type_name == "server-based"
    assert parse_manifest("type: Self Client").type_name == "self-client"


TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff\ufffe\uffff"), max_size=30
)
CLEAN = TEXT.map(str.strip)


@given(st.data())
def test_what_is_written_reads_back_the_same(data: Any) -> None:
    values: dict[str, Any] = {}
    for key in data.draw(st.lists(st.sampled_from(MANIFEST_KEYS), unique=True, min_size=1)):
        if key in LISTS:
            values[key] = tuple(data.draw(st.lists(CLEAN.filter(bool), max_size=3)))
        elif key in SWITCHES:
            values[key] = data.draw(st.booleans())
        elif key == "type":
            values[key] = data.draw(st.sampled_from(list(CLIENT_TYPES)))
        else:
            values[key] = data.draw(CLEAN)
    manifest = Manifest(values)
    text = render_manifest(manifest)
    assert parse_manifest(text).values == values


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_manifest(text)
    except RegistrationRefused as refused:
        told = str(refused)
    else:
        told = "read"
    assert told


@pytest.mark.parametrize("kind", list(CLIENT_TYPES))
async def test_an_exported_client_differs_from_itself_in_nothing(site: Site, kind: str) -> None:
    client = (await site.app(kind)).client
    text = render_manifest(manifest_of(client))
    assert not compare_manifest(parse_manifest(text), registration_of(client))
    assert "secret" not in text
    assert str(client.owner_account_id) not in text


def test_a_comparison_names_what_comes_and_what_goes() -> None:
    base = Registration(name="Lead Desk", redirect_uris=("https://a.example/x", "https://a.example/y"))
    manifest = parse_manifest(
        "name: Lead Desk\nredirect_uris: [https://a.example/y, https://a.example/z]\nimplicit: true"
    )
    uris, implicit = compare_manifest(manifest, base)
    assert (uris.key, uris.added, uris.removed) == (
        "redirect_uris",
        ("https://a.example/z",),
        ("https://a.example/x",),
    )
    assert (implicit.key, implicit.before, implicit.after) == ("implicit", False, True)
