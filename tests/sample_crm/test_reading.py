"""Lists, searches, and what the API tells about itself."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantline.sample_crm.criteria import parse_criteria
from grantline.sample_crm.modules import LEADS, MODULES
from grantline.sample_crm.refusals import Refusal
from tests.sample_crm.authorization_server import NOW, person
from tests.sample_crm.conftest import Crm


async def names(crm: Crm, path: str, **params: str) -> list[str]:
    """The last names in the answer; an empty list for 204."""
    answer = await crm.call("GET", path, params=params or None)
    assert answer.status_code in (200, 204), answer.text
    return [] if answer.status_code == 204 else [record["Last_Name"] for record in answer.json()["data"]]


@pytest.fixture
async def people(crm: Crm) -> Crm:
    """A CRM whose only leads are five made-up people."""
    listed = await crm.call("GET", "/crm/v8/Leads?fields=id")
    ids = ",".join(record["id"] for record in listed.json()["data"])
    await crm.call("DELETE", f"/crm/v8/Leads?ids={ids}")
    records: list[dict[str, Any]] = [
        {"Last_Name": "Abel", "City": "Oslo", "Annual_Revenue": 10, "Email": "a@one.example"},
        {"Last_Name": "Berg", "City": "Rome", "Annual_Revenue": 9, "Phone": "+1 (555) 0199"},
        {"Last_Name": "Cole", "City": "Oslo", "Annual_Revenue": 100.5, "Lead_Status": "Contacted"},
        {"Last_Name": "Dahl", "Company": "Smith, Jones (Ltd)", "Email_Opt_Out": True},
        {"Last_Name": "abelson", "City": "Bergen", "Secondary_Email": "z@two.example"},
    ]
    for number, record in enumerate(records):
        crm.clock.now = NOW + number
        await crm.create("Leads", record)
    return crm


async def test_a_list_holds_the_fields_that_were_asked_for_and_the_id(people: Crm) -> None:
    answer = await people.call("GET", "/crm/v8/Leads?fields=Last_Name,City&")
    record = answer.json()["data"][0]
    assert set(record) == {"id", "Last_Name", "City"}
    assert answer.json()["info"] == {
        "per_page": 200,
        "count": 5,
        "page": 1,
        "more_records": False,
        "sort_by": "id",
        "sort_order": "desc",
        "next_page_token": None,
        "previous_page_token": None,
        "page_token_expiry": None,
    }


async def test_pages_follow_each_other_without_gap_or_overlap(people: Crm) -> None:
    path = "/crm/v8/Leads?fields=Last_Name&per_page=2&sort_order=asc&page="
    pages = [await names(people, f"{path}{page}") for page in (1, 2, 3, 4)]
    assert pages == [["Abel", "Berg"], ["Cole", "Dahl"], ["abelson"], []]
    more = [(await people.call("GET", f"{path}{page}")).json()["info"]["more_records"] for page in (1, 2, 3)]
    assert more == [True, True, False]


async def test_a_list_is_sorted_as_asked(people: Crm) -> None:
    path = "/crm/v8/Leads?fields=Last_Name"
    first = (await people.call("GET", f"{path}&sort_by=id&sort_order=asc")).json()["data"][0]["id"]
    people.clock.now = NOW + 100
    await people.call("PUT", f"/crm/v8/Leads/{first}", json={"data": [{"City": "Moved"}]})
    assert (await names(people, f"{path}&sort_by=Modified_Time"))[0] == "Abel"
    assert (await names(people, f"{path}&sort_by=Modified_Time&sort_order=asc"))[-1] == "Abel"
    assert (await names(people, f"{path}&sort_by=Created_Time"))[0] == "abelson"
    assert await names(people, f"{path}&ids={first}") == ["Abel"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "REQUIRED_PARAM_MISSING"),
        ("fields=", "REQUIRED_PARAM_MISSING"),
        ("fields=Nope", "INVALID_DATA"),
        ("fields=" + ",".join(f"F{number}" for number in range(51)), "LIMIT_EXCEEDED"),
        ("fields=id&page=0", "INVALID_DATA"),
        ("fields=id&page=-1", "INVALID_DATA"),
        ("fields=id&page=²", "INVALID_DATA"),
        ("fields=id&page=" + "9" * 30, "INVALID_DATA"),
        ("fields=id&per_page=201", "INVALID_DATA"),
        ("fields=id&sort_by=City;DROP", "INVALID_DATA"),
        ("fields=id&sort_order=up", "INVALID_DATA"),
        ("fields=id&page_token=x", "INVALID_DATA"),
        ("fields=id&fields=City", "INVALID_DATA"),
    ],
)
async def test_T145_a_query_that_cannot_be_used_is_refused_with_its_parameter(
    crm: Crm, query: str, code: str
) -> None:
    answer = await crm.call("GET", f"/crm/v8/Leads?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["details"]["param_name"]


async def test_T133_an_address_over_eight_kilobytes_is_refused(crm: Crm) -> None:
    answer = await crm.call("GET", f"/crm/v8/Leads?fields={'x' * 9000}")
    assert answer.status_code == 414


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ("(Last_Name:equals:abel)", ["Abel"]),
        ("(Last_Name:starts_with:AB)", ["Abel", "abelson"]),
        ("(Last_Name:ends_with:son)", ["abelson"]),
        ("(Last_Name:contains:e)", ["Abel", "Berg", "Cole", "abelson"]),
        ("(City:not_equal:Oslo)", ["Berg", "Dahl", "abelson"]),
        ("(City:equals:null)", ["Dahl"]),
        ("(Annual_Revenue:greater_than:9)", ["Abel", "Cole"]),
        ("(Annual_Revenue:less_equal:10)", ["Abel", "Berg"]),
        ("(Annual_Revenue:between:9,10)", ["Abel", "Berg"]),
        ("(Annual_Revenue:in:9.0,100.5)", ["Berg", "Cole"]),
        ("(Last_Name:in:Abel,Dahl)", ["Abel", "Dahl"]),
        ("(Email_Opt_Out:equals:true)", ["Dahl"]),
        (r"(Company:equals:Smith\, Jones \(Ltd\))", ["Dahl"]),
        ("((City:equals:Oslo)and(Annual_Revenue:greater_than:50))", ["Cole"]),
        ("((City:equals:Rome)or(City:equals:Bergen))", ["Berg", "abelson"]),
        ("(((City:equals:Oslo)or(City:equals:Rome))and(Last_Name:starts_with:b))", ["Berg"]),
        ("(City:equals:Oslo)and(Lead_Status:equals:Contacted)", ["Cole"]),
        ("(Created_Time:greater_than:2027-01-15T09:00:02+01:00)", ["Dahl", "abelson"]),
        ("(Owner:equals:1)", []),
        ("(Last_Name:equals:%)", []),
        ("(Last_Name:equals:' OR 1=1 --)", []),
    ],
)
async def test_a_search_finds_what_its_criteria_say(people: Crm, criteria: str, found: list[str]) -> None:
    assert sorted(await names(people, "/crm/v8/Leads/search", criteria=criteria)) == found


@pytest.mark.parametrize(
    "criteria",
    [
        "Last_Name:equals:Abel",
        "(Last_Name:equals:Abel",
        "(Last_Name:equals:Abel))",
        "(Last_Name:like:Abel)",
        "(Nope:equals:Abel)",
        "(Annual_Revenue:equals:much)",
        "(Annual_Revenue:between:1)",
        "(Created_Time:greater_than:2027-01-15T09:00:02)",
        "(City:equals:a)and(City:equals:b)or(City:equals:c)",
        "(City:equals:a)xor(City:equals:b)",
        "(" * 6 + "(City:equals:a)" + ")" * 6,
        "and".join(["(City:equals:a)"] * 16),
        "(City:equals:" + "x" * 2000 + ")",
        "()",
        "((",
    ],
)
async def test_a_search_that_cannot_be_read_says_so(crm: Crm, criteria: str) -> None:
    answer = await crm.call("GET", "/crm/v8/Leads/search", params={"criteria": criteria})
    assert answer.status_code == 400
    assert answer.json()["code"] in ("INVALID_QUERY", "INVALID_DATA")
    assert answer.json()["details"]["param_name"] == "criteria"


@given(st.text(alphabet="()andor:,\\ CityLast_Nmequlsbw9.", max_size=200))
def test_any_criteria_text_is_read_or_refused(text: str) -> None:
    refused = False
    try:
        parse_criteria(text, LEADS)
    except Refusal as refusal:
        refused = refusal.status == 400
    assert refused or text


async def test_a_search_by_email_phone_or_word_looks_into_every_such_field(people: Crm) -> None:
    path = "/crm/v8/Leads/search"
    assert await names(people, path, email="A@ONE.example") == ["Abel"]
    assert await names(people, path, email="z@two.example") == ["abelson"]
    assert await names(people, path, phone="1555-0199") == ["Berg"]
    assert await names(people, path, phone="-") == []
    assert await names(people, path, word="oslo") == ["Cole", "Abel"]
    assert await names(people, path, word="oslo", per_page="1", page="2") == ["Abel"]
    nothing = await people.call("GET", path)
    assert (nothing.status_code, nothing.json()["code"]) == (400, "REQUIRED_PARAM_MISSING")


async def test_the_current_user_is_the_person_behind_the_token(crm: Crm) -> None:
    answer = await crm.call("GET", "/crm/v8/users?type=CurrentUser")
    (user,) = answer.json()["users"]
    assert {
        name: user[name] for name in ("email", "full_name", "first_name", "last_name", "zuid", "status")
    } == {
        "email": "ada.500000001@example.com",
        "full_name": "Ada Byron",
        "first_name": "Ada",
        "last_name": "Byron",
        "zuid": "500000001",
        "status": "active",
    }
    assert answer.json()["info"] == {"per_page": 200, "count": 1, "page": 1, "more_records": False}
    again = await crm.call("GET", f"/crm/v8/users/{user['id']}")
    assert again.json()["users"] == [user]
    for type in ("ActiveUsers", "AllUsers"):
        assert (await crm.call("GET", f"/crm/v8/users?type={type}")).json()["users"] == [user]
    assert (await crm.call("GET", "/crm/v8/users?type=DeletedUsers")).status_code == 204
    assert (await crm.call("GET", "/crm/v8/users?type=Strangers")).status_code == 400


async def test_a_new_name_is_seen_at_the_next_call(crm: Crm) -> None:
    before = (await crm.call("GET", "/crm/v8/users?type=CurrentUser")).json()["users"][0]
    crm.server.tokens["ada"] = person(name="Ada King", family_name="King", organization_name="King & Co")
    after = (await crm.call("GET", "/crm/v8/users?type=CurrentUser")).json()["users"][0]
    assert (after["full_name"], after["id"]) == ("Ada King", before["id"])
    assert (await crm.call("GET", "/crm/v8/org")).json()["org"][0]["company_name"] == "King & Co"


async def test_the_organization_is_the_one_of_the_token(crm: Crm) -> None:
    (org,) = (await crm.call("GET", "/crm/v8/org")).json()["org"]
    assert (org["id"], org["zgid"], org["company_name"]) == (
        "700000001",
        "700000001",
        "Organization 700000001",
    )
    assert org["primary_email"] == "ada.500000001@example.com"


async def test_every_module_says_what_the_vendors_sdks_need(crm: Crm) -> None:
    modules = (await crm.call("GET", "/crm/v8/settings/modules")).json()["modules"]
    assert [module["api_name"] for module in modules] == ["Leads", "Contacts", "Products", "Invoices"]
    assert all(
        module["api_supported"] is True and module["generated_type"] == "default" for module in modules
    )
    one = (await crm.call("GET", "/crm/v8/settings/modules/leads")).json()["modules"]
    assert one == modules[:1]


async def test_every_field_has_an_id_of_its_own_and_says_what_it_holds(crm: Crm) -> None:
    ids: list[str] = []
    for module in MODULES:
        answer = await crm.call("GET", f"/crm/v8/settings/fields?module={module.name}")
        for field in answer.json()["fields"]:
            ids += [field["id"], *(choice["id"] for choice in field["pick_list_values"])]
            assert isinstance(field["system_mandatory"], bool)
            assert bool(field["pick_list_values"]) == (field["data_type"] == "picklist")
    assert len(ids) == len(set(ids))
    assert all(len(id) == 19 for id in ids)
    assert (await crm.call("GET", "/crm/v8/settings/fields")).json()["code"] == "REQUIRED_PARAM_MISSING"
    assert (await crm.call("GET", "/crm/v8/settings/fields?module=Deals")).json()["code"] == "INVALID_MODULE"


async def test_head_is_a_get(crm: Crm) -> None:
    assert (await crm.call("HEAD", "/crm/v8/org")).status_code == 200
    assert (await crm.call("HEAD", "/crm/v8/org", token=None)).status_code == 401
