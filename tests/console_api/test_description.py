"""The API's description: it is valid OpenAPI 3.1, and the API does what it says."""

import asyncio
from typing import Any, Final

import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from grantline.web.console_api.table import OPERATIONS
from tests.console_api.calling import V1, Program, program
from tests.site import ISSUER, Site

DOCUMENT: Final = "/console/api/openapi.json"
EXAMPLES: Final = 3


async def test_the_description_is_valid_openapi_3_1_and_names_every_operation(site: Site) -> None:
    answer = await site.call("GET", DOCUMENT)
    assert answer.status_code == 200
    document = answer.json()
    OPENAPI_31_VALIDATOR.validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": f"{ISSUER}{V1}"}]
    described = {(m.upper(), path) for path, methods in document["paths"].items() for m in methods}
    assert described == {(operation.method, operation.path) for operation in OPERATIONS}
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names))
    assert document["security"] == [{"token": []}]


async def _ids(site: Site, caller: Program) -> dict[str, str]:
    """Something real of each kind that addresses name."""
    app = await site.app("self-client")
    refused = await site.post("/oauth/v2/token", {**app.credentials, "grant_type": "nonsense"})
    await site.mint.recorder.flush()
    return {
        "client_id": app.id,
        "secret_id": app.client.secrets[0].id,
        "request_id": refused.json()["request_id"],
        "account_id": str(caller.token.account_id),
        "authorization_id": "1",
        "invitation_id": "inv_000000000000",
        "code": "throttled",
        "data_center": "eu",
    }


async def _send(caller: Program, case: Any) -> httpx2.Response:
    given = {**case.as_transport_kwargs(base_url=f"{ISSUER}{V1}")}
    names = ("method", "url", "headers", "params", "data", "json")
    request = requests.Request(**{name: given[name] for name in names if name in given}).prepare()
    headers = {**request.headers, "Authorization": f"Bearer {caller.value}"}
    async with httpx2.AsyncClient(transport=caller.site.transport) as http:
        return await http.request(
            str(request.method), str(request.url), headers=headers, content=request.body or b""
        )


@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: str(mode.value)
)
async def test_what_fits_the_description_and_what_does_not_is_answered_as_described(
    site: Site, mode: GenerationMode
) -> None:
    """No 500, every status, content type and body is described, and what does not fit is refused."""
    caller = await program(site)
    ids = await _ids(site, caller)
    document = (await site.call("GET", DOCUMENT)).json()
    del document["security"]  # the token is sent with every case
    schema = schemathesis.openapi.from_dict(document)
    loop, etag = asyncio.get_running_loop(), {"If-Match": '"1"'}
    for one in OPERATIONS:
        if mode.is_negative and one.query is None and one.body is None:
            continue  # nothing to send wrong but IDs, which other tests do
        named = {part: ids[part] for part in one.path_names} or None
        needed = etag if 428 in one.also else None
        strategy = schema.find_operation_by_id(one.name).as_strategy(
            mode, path_parameters=named, headers=needed
        )

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def check(case: Any) -> None:
            answer = asyncio.run_coroutine_threadsafe(_send(caller, case), loop).result(30)
            assert answer.status_code < 500, answer.text
            # What a schema can't say, such as which addresses an app may have, is refused all the same.
            known = [positive_data_acceptance]
            if answer.status_code in (412, 413):
                known.append(negative_data_rejection)
            case.validate_response(answer, excluded_checks=known)

        await asyncio.to_thread(check)
