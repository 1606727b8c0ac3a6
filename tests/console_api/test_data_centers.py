"""Where a client works, by the console's API: the same functions as on the pages, over two data centers."""

from grantline.audit import list_client_events
from grantline.clients import find_client, list_elsewhere
from tests.centers import Sites
from tests.console_api.calling import program
from tests.site import CALLBACK


async def test_a_client_is_switched_on_and_off_and_each_is_audited(sites: Sites) -> None:
    us = sites["us"]
    app, caller = await us.app("server-based"), await program(us)
    path = f"/clients/{app.id}/data-centers"
    home, europe = (await caller.get(path))["data_centers"]
    assert (home["data_center"], home["home"], home["enabled"]) == ("us", True, True)
    assert europe == {
        "data_center": "eu",
        "name": "Europe",
        "issuer": "http://127.0.0.1:8701",
        "api_domain": "http://127.0.0.1:8711",
        "console": "http://127.0.0.1:8701/console",
        "home": False,
        "enabled": False,
        "own_secret_ids": None,
        "confirmed_at": None,
        "waiting_since": None,
        "problem": "",
    }
    on = await caller.call("PUT", f"{path}/eu", json={"enabled": True})
    assert (on.status_code, on.json()["enabled"]) == (200, True)
    assert on.json()["waiting_since"] == us.clock()
    again = await caller.call("PUT", f"{path}/eu", json={"enabled": True})
    assert again.json() == on.json()
    off = await caller.call("PUT", f"{path}/eu", json={"enabled": False})
    assert off.json()["enabled"] is False
    events = await list_client_events(us.db, app.id)
    assert [event.kind for event in events] == ["client.updated", "client.updated"]
    assert events[1].detail == {
        "before": {"data_centers": ["us"]},
        "after": {"data_centers": ["us", "eu"]},
        "key": caller.token.id,
    }


async def test_what_can_not_be_switched_is_told(sites: Sites) -> None:
    us = sites["us"]
    app, caller = await us.app("server-based"), await program(us)
    path = f"/clients/{app.id}/data-centers"
    nowhere = await caller.call("PUT", f"{path}/in", json={"enabled": True})
    assert nowhere.status_code == 422
    assert nowhere.json()["problems"][0]["sentence"] == "There is no data center in."
    unknown = await caller.call("PUT", f"{path}/in", json={"enabled": False})
    assert unknown.status_code == 404
    home = await caller.call("PUT", f"{path}/us", json={"enabled": False})
    assert home.status_code == 409
    own = await us.app("self-client")
    refused = await caller.call("PUT", f"/clients/{own.id}/data-centers/eu", json={"enabled": True})
    assert refused.status_code == 422
    assert "work in their own data center alone" in refused.json()["problems"][0]["sentence"]
    early = await caller.call("POST", f"{path}/eu/secrets")
    assert early.status_code == 409
    assert early.json()["detail"] == "Turn the data center on for this client first."


async def test_secrets_for_one_data_center_are_answered_once_and_end(sites: Sites) -> None:
    us = sites["us"]
    app, caller = await us.app("server-based"), await program(us)
    path = f"/clients/{app.id}/data-centers"
    await caller.call("PUT", f"{path}/eu", json={"enabled": True})
    first = await caller.call("POST", f"{path}/eu/secrets")
    assert first.status_code == 201
    assert first.json()["client_secret"].startswith("gls_eu_")
    second = await caller.call("POST", f"{path}/eu/secrets")
    third = await caller.call("POST", f"{path}/eu/secrets")
    assert third.status_code == 409
    ids = [one.json()["secret_id"] for one in (first, second)]
    assert (await caller.get(path))["data_centers"][1]["own_secret_ids"] == ids
    assert (await caller.call("DELETE", f"{path}/eu/secrets/{ids[0]}")).status_code == 204
    assert (await caller.call("DELETE", f"{path}/eu/secrets/{ids[0]}")).status_code == 404
    assert (await caller.call("DELETE", f"{path}/eu/secrets/{ids[1]}")).status_code == 409
    reset = await caller.call("POST", f"{path}/eu/secrets/reset")
    shown = (await caller.get(path))["data_centers"][1]
    assert shown["own_secret_ids"] == [reset.json()["secret_id"]]
    assert (await caller.call("DELETE", f"{path}/eu/secrets")).status_code == 204
    [row] = await list_elsewhere(us.db, app.id)
    assert row.secrets is None
    kept = " ".join(row[0] for row in await us.db.all("SELECT detail FROM audit"))
    assert reset.json()["secret_id"] in kept
    assert not any(one.json()["client_secret"] in kept for one in (first, second, reset))


async def test_registering_changing_and_manifests_know_data_centers(sites: Sites) -> None:
    us = sites["us"]
    caller = await program(us)
    body = {"type": "server-based", "name": "Dockside", "redirect_uris": [CALLBACK]}
    made = await caller.call("POST", "/clients", json={**body, "data_centers": ["eu"]})
    assert made.status_code == 201, made.text
    assert made.json()["data_centers"] == ["us", "eu"]
    client_id = made.json()["client_id"]
    [row] = await list_elsewhere(us.db, client_id)
    assert (row.data_center, row.enabled, row.waiting) == ("eu", True, True)
    manifest = await caller.call("GET", f"/clients/{client_id}/manifest")
    assert "data_centers:\n  - us\n  - eu\n" in manifest.text
    same = await caller.call("PUT", f"/clients/{client_id}/manifest", content="data_centers: [eu, us]\n")
    assert same.json()["changes"] == []
    tried = await caller.call(
        "PUT", f"/clients/{client_id}/manifest", content="data_centers: [in]\n", params={"dry_run": "1"}
    )
    assert tried.status_code == 422
    home = await caller.call("PUT", f"/clients/{client_id}/manifest", content="data_centers: []\n")
    [change] = home.json()["changes"]
    assert (change["key"], change["removed"], change["added"]) == ("data_centers", ["eu"], [])
    client = await find_client(us.db, client_id)
    assert client is not None
    assert client.data_centers == ("us",)
    [row] = await list_elsewhere(us.db, client_id)
    assert not row.enabled
    refused = await caller.call("POST", "/clients", json={**body, "name": "Other", "data_centers": ["in"]})
    assert refused.status_code == 422
