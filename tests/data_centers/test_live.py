"""Data centers as real processes: the registry is followed while they run, and keys are replaced."""

import asyncio
import base64
import json
import secrets
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from grantline.cli.offline import offline_mint
from grantline.cli.running import Workplace
from grantline.crossing import NotTaken, Sender
from grantline.datacenters import find_home, system_clock
from grantline.datacenters.messages import public_jwk_of
from grantline.db import open_database
from grantline.oauth.jwk import encode_base64url
from tests.centers import Center, Centers, start_centers
from tests.cluster import Cluster
from tests.data_centers.following import PATIENCE_SECONDS, wait_until
from tests.running import Process, answers, free_ports, run_grantline


@pytest.fixture(scope="module")
def centers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centers]:
    """Us and eu; every test leaves them as it found them."""
    with start_centers(tmp_path_factory.mktemp("centers")) as running:
        yield running


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def serverinfo(issuer: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(get(f"{issuer}/oauth/serverinfo"))
    return found


def say_something(sender: Center, receiver: Center) -> tuple[str, str]:
    """Why the receiver refuses a signed message of a kind that nobody knows, and the key that signed it. Who
    is not believed is refused before the kind is looked at."""

    async def run() -> tuple[str, str]:
        db = await open_database(sender.database, create=False)
        try:
            home = await find_home(db)
            assert home is not None
            mint = await offline_mint(Workplace(db, home, sender.database, system_clock()))
            to = mint.data_centers.find(receiver.code)
            assert to is not None
            signed = mint.keyring.sign_message({}, listed=mint.home.keys, typ="x").partition(".")[0]
            kid = json.loads(base64.urlsafe_b64decode(signed + "=="))["kid"]
            used = [key for key in mint.home.keys if public_jwk_of(key)["kid"] == kid]
            speaker = Sender(mint, system_clock)
            try:
                await speaker.send(to, "nothing-known", {})
            except NotTaken as refused:
                return refused.reason, used[0]
            finally:
                await speaker.close()
        finally:
            await db.close()
        raise AssertionError("a message of no kind was taken")

    return asyncio.run(run())


BELIEVED: Final = "a kind that is not known"


def wait_until_heard(center: Center) -> None:
    """The first message may have come before the other one listened; the next one is taken."""

    def heard() -> bool:
        others = json.loads(center.grantline("data-centers", "list", "--json"))["data_centers"]
        told = [one for one in others if one["code"] != center.code]
        return all(one["heard_at"] is not None and not one["problem"] for one in told)

    wait_until(heard)


def failing(*arguments: str, center: Center, env: Mapping[str, str] | None = None) -> list[str]:
    """The sentences of a command that fails."""
    with pytest.raises(AssertionError, match="ended with 1") as failed:
        run_grantline(*arguments, database=center.database, env=env)
    return str(failed.value).splitlines()[1:]


def test_data_centers_come_and_go_while_the_others_run(centers: Centers) -> None:
    us, eu = centers["us"], centers["eu"]
    india = centers.start("in")
    everywhere = {"us": us.issuer, "eu": eu.issuer, "in": india.issuer}
    for center in (us, eu, india):
        wait_until(lambda: serverinfo(center.issuer)["locations"] == everywhere)  # noqa: B023
    wait_until(lambda: "India" in get(f"{eu.issuer}/signin"))
    assert say_something(india, us)[0] == BELIEVED
    assert say_something(us, india)[0] == BELIEVED

    centers.remove("in")
    for center in (us, eu):
        wait_until(lambda: set(serverinfo(center.issuer)["locations"]) == {"us", "eu"})  # noqa: B023
    assert "India" not in get(f"{eu.issuer}/signin")
    assert say_something(india, us)[0] == "a sender that is not in the registry"
    # It is not in the file any more, so the file is none of its own: it goes on as it was, and says so.
    assert set(serverinfo(india.issuer)["locations"]) == set(everywhere)
    wait_until(lambda: "grantline_registry_refused 1" in get(f"{india.issuer}/metrics"))
    assert any("ends without [in]" in line for line in failing("doctor", center=india))
    india.process.stop()


def test_a_mistake_leaves_what_was_read_and_everybody_says_so(centers: Centers) -> None:
    us = centers["us"]
    wait_until_heard(us)
    good = centers.registry.read_text()
    before = serverinfo(us.issuer)
    line = good.splitlines().index('name = "Europe"') + 1
    centers.registry.write_text(good.replace('name = "Europe"', 'name = ""'))
    sentence = f"{centers.registry}, line {line}: name must be a text of 1 to 60 characters."
    wait_until(lambda: "grantline_registry_refused 1" in get(f"{us.issuer}/metrics"))
    assert serverinfo(us.issuer) == before
    assert f'"problem": {json.dumps(sentence)}' in us.process.log()
    assert failing("doctor", center=us) == [f"{sentence} What the registry said before still counts."]
    assert failing("data-centers", "check", str(centers.registry), center=us) == [sentence]

    centers.registry.write_text(good)
    told = json.loads(
        run_grantline("data-centers", "check", "--json", str(centers.registry), database=us.database)
    )
    assert [one["code"] for one in told["data_centers"]] == ["us", "eu"]
    for center in (us, centers["eu"]):
        wait_until(lambda: "grantline_registry_refused 0" in get(f"{center.issuer}/metrics"))  # noqa: B023


def test_a_mistake_ends_a_start_with_the_same_sentence(centers: Centers, tmp_path: Path) -> None:
    us = centers["us"]
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(centers.registry.read_text().replace("[eu]", "[europe]"))
    line = wrong.read_text().splitlines().index("[europe]") + 1
    env = {**us.process.env, "GRANTLINE_DATA_CENTERS": str(wrong), "GRANTLINE_PORT": str(free_ports(1))}
    env |= {"GRANTLINE_DATABASE": f"sqlite://{tmp_path}/fresh.db"}
    told = Process(["serve"], env, tmp_path / "log")
    assert told.popen.wait(PATIENCE_SECONDS) == 1
    assert told.log().splitlines() == [
        f"{wrong}, line {line}: the code 'europe' is not two to four small letters."
    ]


def test_doctor_says_what_is_wrong_between_data_centers(centers: Centers, tmp_path: Path) -> None:
    us, eu = centers["us"], centers["eu"]
    wait_until_heard(us)
    assert us.grantline("doctor") == "All is well.\n"

    # What doctor is given here differs from what eu serves.
    other, stranger = tmp_path / "other.toml", encode_base64url(secrets.token_bytes(32))
    other.write_text(
        centers.registry.read_text().replace('"Europe"', '"Elsewhere"').replace(us.keys[0], stranger)
    )
    told = failing("doctor", center=us, env={"GRANTLINE_DATA_CENTERS": str(other)})
    assert len(told) == 3, told
    assert told[0].startswith("The registry lists no key of [us], so nothing can be sent to the others.")
    assert told[1] == "Data center eu has other keys for us: the registries differ. Give all the same file."
    assert told[2] == "Data center eu has another name for eu: the registries differ. Give all the same file."

    # The check finds the same mistake before anybody is given the file.
    assert failing("data-centers", "check", str(other), center=us) == [
        f"{other}: no key of [us] is one of this data center. Run `grantline data-centers key`, and list"
        " what it prints."
    ]

    eu.process.stop()
    told = failing("doctor", center=us)
    assert told[0] == f"Data center eu can't be reached at {eu.issuer}: no answer (ConnectError)."
    eu.process.start()
    eu.process.wait_until(lambda: answers(f"{eu.issuer}/health/ready"))


def test_a_key_is_replaced_without_a_moment_in_which_nothing_is_believed(centers: Centers) -> None:
    """As docs/data-centers.md tells: make one, list both, take the old one out."""
    us, eu = centers["us"], centers["eu"]
    old = us.keys[0]
    new, still = json.loads(us.grantline("data-centers", "key", "--new", "--json"))["keys"]
    assert still == old
    assert new != old
    assert say_something(us, eu) == (BELIEVED, old)

    us.keys = [new, old]
    centers.write()
    for center in (us, eu):
        wait_until(lambda: serverinfo(center.issuer)["keys"]["us"] == [new, old])  # noqa: B023
    assert say_something(us, eu) == (BELIEVED, new)

    us.keys = [new]
    centers.write()
    wait_until(lambda: serverinfo(us.issuer)["keys"]["us"] == [new])
    assert say_something(us, eu) == (BELIEVED, new)
    wait_until(lambda: serverinfo(eu.issuer)["keys"]["us"] == [new])
    assert say_something(us, eu) == (BELIEVED, new)
    assert us.grantline("doctor") == "All is well.\n"


def test_every_worker_follows_the_file(postgres: Cluster, tmp_path: Path) -> None:
    name, port = postgres.new_database(), free_ports(1)
    issuer, registry = f"http://127.0.0.1:{port}", tmp_path / "data-centers.toml"
    mine = f'[us]\nname = "United States"\naccounts = "{issuer}"\napi = "{issuer}"\n'
    registry.write_text(mine)
    settings = {
        "GRANTLINE_DATABASE": postgres.url(name),
        "GRANTLINE_MASTER_KEY_FILE": str(tmp_path / "master.key"),
        "GRANTLINE_PUBLIC_URL": issuer,
        "GRANTLINE_PORT": str(port),
        "GRANTLINE_DATA_CENTERS": str(registry),
        "GRANTLINE_LIMITS": "off",
    }
    process = Process(["serve", "--workers", "2"], settings, tmp_path / "log")
    try:
        process.wait_until(lambda: "is ready at" in process.log())
        assert set(serverinfo(issuer)["locations"]) == {"us"}
        registry.write_text(
            mine + '[eu]\nname = "Europe"\naccounts = "https://eu.example"\napi = "https://eu.example"\n'
        )
        # Every request is a connection of its own, and the kernel spreads them.
        wait_until(lambda: all(len(serverinfo(issuer)["locations"]) == 2 for _ in range(40)))
    finally:
        process.stop()
        postgres.drop_database(name)
