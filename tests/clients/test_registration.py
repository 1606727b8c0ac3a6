"""Registration: the five types and the fields that each may set, through the one door that everybody uses."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.clients import (
    CLIENT_TYPES,
    Registration,
    RegistrationRefused,
    delete_client,
    find_client,
    register_client,
    registration_of,
    update_client,
)
from grantline.clients.checks import MOST_ADDRESSES, check_registration
from tests.site import REGISTRATIONS, SPA, Site

pytestmark = pytest.mark.both_engines

TYPES = tuple(CLIENT_TYPES)
BEYOND: dict[str, Any] = {
    "homepage_url": "https://example.com",
    "policy_url": "https://example.com/policy",
    "terms_url": "https://example.com/terms",
    "scopes": ("CRM.modules.leads.READ",),
    "redirect_uris": ("https://app.example/callback",),
    "origins": (SPA,),
    "post_logout_redirect_uris": ("https://app.example/bye",),
    "app_scopes": ("CRM.modules.READ",),
    "data_centers": ("us",),
    "implicit": True,
    "vendor_compatible": True,
    "legacy_secret": True,
}
FITTING = {
    "server-based": {"redirect_uris", "post_logout_redirect_uris", "app_scopes"},
    "client-based": {"origins", "implicit"},
    "self-client": {"app_scopes"},
    "non-browser": {"legacy_secret"},
    "mobile": {"redirect_uris", "post_logout_redirect_uris", "legacy_secret"},
}
"""Which fields beyond those that every type has may be set as in BEYOND; the rest are refused."""
EVERYBODY = {"homepage_url", "policy_url", "terms_url", "scopes", "data_centers", "vendor_compatible"}


def refused_fields(type_name: str, asked: Registration) -> set[str]:
    try:
        check_registration(CLIENT_TYPES[type_name], asked)
    except RegistrationRefused as refused:
        return {problem.field for problem in refused.problems}
    return set()


@pytest.mark.parametrize("type_name", TYPES)
def test_what_the_type_needs_is_enough(type_name: str) -> None:
    assert refused_fields(type_name, REGISTRATIONS[type_name]) == set()


@pytest.mark.parametrize("field", BEYOND)
@pytest.mark.parametrize("type_name", TYPES)
def test_T4_a_field_that_the_type_has_no_use_for_is_refused_by_name(type_name: str, field: str) -> None:
    asked = replace(REGISTRATIONS[type_name], **{field: BEYOND[field]})
    refused = refused_fields(type_name, asked)
    if field in FITTING[type_name] | EVERYBODY:
        assert refused == set()
    elif field == "redirect_uris" and type_name == "client-based":
        assert refused == {"redirect_uris"}  # it is on no registered origin
    elif field == "post_logout_redirect_uris" and type_name == "client-based":
        assert refused == set()
    else:
        assert refused & {field, "redirect_uris"}


def test_the_table_above_speaks_of_every_field() -> None:
    assert {field.name for field in fields(Registration)} == {"name", *BEYOND}


@pytest.mark.parametrize(
    ("type_name", "missing"),
    [
        ("server-based", "redirect_uris"),
        ("client-based", "redirect_uris"),
        ("client-based", "origins"),
        ("mobile", "redirect_uris"),
    ],
)
def test_what_the_type_needs_must_be_there(type_name: str, missing: str) -> None:
    assert missing in refused_fields(type_name, replace(REGISTRATIONS[type_name], **{missing: ()}))


BAD_URIS = [
    "javascript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "about:blank",
    "http://app.example/cb",
    "https://app.example/cb#fragment",
    "https://user@app.example/cb",
    "https://app.example/../cb",
    "https://app.example/cb?code=x",
    "https://*.example/cb",
    "https://app.example\\@evil.example",
    "/relative",
    "",
    " https://app.example/cb",
    "https://app.example/\tcb",
    "https://\u0430pp.example/cb",
    "https://app.example/" + "a" * 2000,
]


@pytest.mark.parametrize("uri", BAD_URIS)
@pytest.mark.parametrize("field", ["redirect_uris", "post_logout_redirect_uris"])
@pytest.mark.parametrize("type_name", ["server-based", "client-based", "mobile"])
def test_T1_a_bad_address_is_refused_whatever_the_type_and_the_field(
    type_name: str, field: str, uri: str
) -> None:
    before = REGISTRATIONS[type_name]
    asked = replace(before, **{field: (*getattr(before, field), uri)})
    with pytest.raises(RegistrationRefused) as refused:
        check_registration(CLIENT_TYPES[type_name], asked)
    assert (field, uri) in {(problem.field, problem.value) for problem in refused.value.problems}


@pytest.mark.parametrize("scheme", ["com.example.other", "org.example.app2"])
def test_a_private_scheme_is_for_mobile_alone(scheme: str) -> None:
    for type_name in ("server-based", "client-based", "mobile"):
        before = REGISTRATIONS[type_name]
        asked = replace(before, redirect_uris=(*before.redirect_uris, f"{scheme}:/cb"))
        assert bool(refused_fields(type_name, asked)) == (type_name != "mobile")


@pytest.mark.parametrize("origin", ["https://spa.example/", "null", "*", "https://SPA.example", "spa"])
def test_T57_an_origin_is_spelled_as_browsers_spell_it(origin: str) -> None:
    asked = replace(REGISTRATIONS["client-based"], origins=(SPA, origin))
    assert "origins" in refused_fields("client-based", asked)


@pytest.mark.parametrize(
    "uri", [f"{SPA}.evil/cb", f"{SPA}:444/cb", "http://127.0.0.1/cb", "https://other.example/cb", f"{SPA}@x/"]
)
def test_T55_a_browser_apps_redirect_is_on_one_of_its_origins(uri: str) -> None:
    asked = replace(REGISTRATIONS["client-based"], redirect_uris=(uri,))
    assert refused_fields("client-based", asked) == {"redirect_uris"}


@pytest.mark.parametrize("field", ["redirect_uris", "origins", "post_logout_redirect_uris"])
def test_lists_are_bounded_and_name_each_address_once(field: str) -> None:
    before = REGISTRATIONS["client-based"]

    def address(number: int) -> str:
        return f"{SPA}/{number}" if field != "origins" else f"https://o{number}.example"

    own = getattr(before, field)
    many = tuple(address(number) for number in range(MOST_ADDRESSES - len(own)))
    assert refused_fields("client-based", replace(before, **{field: (*own, *many)})) == set()
    one_more = replace(before, **{field: (*own, *many, address(999))})
    assert field in refused_fields("client-based", one_more)
    assert field in refused_fields("client-based", replace(before, **{field: (*own, *many[:1] * 2)}))


@given(name=st.text(max_size=80))
def test_T3_a_name_that_passes_is_plain(name: str) -> None:
    try:
        checked = check_registration(CLIENT_TYPES["self-client"], Registration(name=name))
    except RegistrationRefused:
        return
    assert 2 <= len(checked.name) <= 60
    assert checked.name.isprintable()
    assert not set(checked.name) & set("<>\"'`/\\@:\u202e\u200b")


async def test_a_secret_is_given_once_and_kept_as_a_hash_alone(site: Site) -> None:
    with_secret = {"server-based", "self-client", "non-browser"}
    for type_name in TYPES:
        app = await site.app(type_name)
        assert (app.secret is not None) == (type_name in with_secret)
        row = await site.db.one("SELECT secrets FROM clients WHERE id = $1", app.id)
        assert app.secret is None or app.secret not in row[0]


async def test_a_mobile_app_gets_a_secret_only_when_it_asks(site: Site) -> None:
    asked = replace(REGISTRATIONS["mobile"], legacy_secret=True)
    place = {"owner_account_id": site.account.id, "organization_id": 1, "data_center": "us", "now": 1}
    _, secret = await register_client(site.db, type_name="mobile", asked=asked, **place)
    assert secret is not None


async def test_sending_the_creation_form_twice_makes_one_app(site: Site) -> None:
    place = {"owner_account_id": site.account.id, "organization_id": 1, "data_center": "us", "now": 1}
    made = [
        await register_client(
            site.db,
            type_name="server-based",
            asked=REGISTRATIONS["server-based"],
            creation_key=key,
            **place,
        )
        for key in ("same", "same", "other")
    ]
    assert made[0][0].id == made[1][0].id != made[2][0].id
    assert (made[0][1] is None, made[1][1] is None) == (False, True)


async def test_there_is_one_self_client_for_each_account(site: Site) -> None:
    one, other = await site.app("self-client"), await site.app("self-client", name="Another name")
    assert one.id == other.id
    tom = await site.person("tom@example.com")
    assert (await site.app("self-client", owner=tom)).id != one.id


@pytest.mark.parametrize("type_name", TYPES)
async def test_T4_writing_back_what_was_read_changes_nothing(site: Site, type_name: str) -> None:
    app = await site.app(type_name)
    before = await site.db.one("SELECT * FROM clients WHERE id = $1", app.id)
    await update_client(site.db, app.client, registration_of(app.client), site.clock() + 5)
    after = await site.db.one("SELECT * FROM clients WHERE id = $1", app.id)
    changed = {name for name in before.keys() if before[name] != after[name]}  # noqa: SIM118 - a row
    assert changed == {"version", "updated_at"}


async def test_a_refused_update_changes_nothing(site: Site) -> None:
    app = await site.app("server-based")
    bad = replace(registration_of(app.client), name="Fine", redirect_uris=("javascript:x",))
    with pytest.raises(RegistrationRefused):
        await update_client(site.db, app.client, bad, site.clock())
    assert await find_client(site.db, app.id) == app.client


async def test_updating_what_was_deleted_meanwhile_is_told(site: Site) -> None:
    app = await site.app("server-based")
    assert await delete_client(site.db, app.id, site.clock())
    assert not await delete_client(site.db, app.id, site.clock())
    with pytest.raises(LookupError):
        await update_client(site.db, app.client, registration_of(app.client), site.clock())
    assert await find_client(site.db, app.id) is None
