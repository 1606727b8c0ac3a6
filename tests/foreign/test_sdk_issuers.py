"""The client library at servers that are not ours, known by their issuer or by the name of their data center
alone: the same stories as at Grantline."""

import shutil
from collections.abc import Iterator, Mapping

import httpx2
import pytest

from grantline import Grantline
from grantline.sdk import (
    CallbackRefused,
    ClientRejected,
    GrantlineError,
    GrantTokenUnusable,
    MemoryStore,
    ReconnectRequired,
    Session,
    Throttled,
    Unreachable,
)
from grantline.testing import authorization_server
from tests.foreign.issuers import Issuer, NodeIssuer, OwnIssuer, VendorIssuer, node_issuer
from tests.foreign.vendor_accounts import THROTTLED

pytestmark = pytest.mark.foreign
has_node = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")), reason="Node.js is not installed"
)


@pytest.fixture(scope="module")
def provider() -> Iterator[NodeIssuer]:
    with node_issuer() as running:
        yield running


@pytest.fixture
def vendor() -> VendorIssuer:
    return VendorIssuer()


@pytest.fixture(params=["grantline", pytest.param("oidc-provider", marks=has_node), "vendor"])
def issuer(request: pytest.FixtureRequest) -> Iterator[Issuer]:
    """Each of the three."""
    if request.param == "grantline":
        with authorization_server() as server:
            yield OwnIssuer(server)
    else:
        yield request.getfixturevalue("provider" if request.param == "oidc-provider" else "vendor")


def asked_by(issuer: Issuer) -> str:
    return f"openid email {issuer.scope}" if issuer.signs_in else issuer.scope


def refresh_token(session: Session) -> str:
    record = session.store.get(session.grant.key.text)
    assert record is not None
    assert record.refresh_token is not None
    return record.refresh_token.reveal()


def test_a_person_signs_in_and_the_grant_is_renewed_and_ended(issuer: Issuer) -> None:
    web = Grantline.web_app(**issuer.options("web", scope=asked_by(issuer)))
    started = web.start(return_to="/leads")
    done = web.finish(issuer.follow(started.url), {started.cookie_name: started.cookie_value})
    assert done.return_to == "/leads"
    if issuer.signs_in:
        assert done.identity.email == "mara@example.com"
        assert web.session(done.identity.subject).token() == done.session.token()
    first, kept = done.session.token(), refresh_token(done.session)
    assert issuer.scope in first.scope
    assert issuer.works(first.value)
    for _ in range(2):
        second = done.session.token(refused=first.value)
        assert second != first
        assert issuer.works(second.value)
        first = second
    assert (refresh_token(done.session) != kept) is isinstance(issuer, NodeIssuer)
    done.session.revoke()
    assert web.sessions() == []
    with pytest.raises(ReconnectRequired):
        done.session.token(refused=first.value)


async def test_tasks_sign_in_and_renew_alike(issuer: Issuer) -> None:
    web = Grantline.web_app(**issuer.options("web", scope=asked_by(issuer)))
    started = await web.astart()
    done = await web.afinish(issuer.follow(started.url), {started.cookie_name: started.cookie_value})
    first = await done.session.atoken()
    assert (await done.session.atoken(refused=first.value)) != first
    kept = refresh_token(done.session)
    await done.session.arevoke()
    ended = Grantline.web_app(**issuer.options("web")).setup
    assert kept
    assert ended.store.keys() == []


def test_a_callback_of_another_attempt_or_server_is_refused(issuer: Issuer) -> None:
    web = Grantline.web_app(**issuer.options("web", scope=asked_by(issuer)))
    one, other = web.start(), web.start()
    callback = issuer.follow(one.url)
    with pytest.raises(CallbackRefused):
        web.finish(callback, {other.cookie_name: other.cookie_value})
    name = "iss" if issuer.signs_in else "accounts-server"
    forged = httpx2.URL(callback).copy_set_param(name, "https://accounts.attacker.example")
    with pytest.raises(CallbackRefused):
        web.finish(str(forged), {one.cookie_name: one.cookie_value})
    assert web.finish(callback, {one.cookie_name: one.cookie_value}).session.token()
    with pytest.raises(CallbackRefused):
        web.finish(callback, {one.cookie_name: one.cookie_value})


def test_a_device_signs_in_and_its_grant_is_renewed(issuer: Issuer) -> None:
    tv = Grantline.device(**issuer.options("tv", scope=issuer.scope))
    with tv.login() as login:
        assert login.user_code
        assert login.verification_uri.startswith("http")
        assert login.poll() is None
        issuer.approve(login.user_code)
        session = login.wait()
    first = session.token()
    assert session.token(refused=first.value) != first
    found = tv.session()
    assert found is not None
    assert found.status() == session.status()


def test_an_app_acts_as_itself_and_a_wrong_secret_is_said(issuer: Issuer) -> None:
    options = issuer.options("own", scope=issuer.scope)
    own = Grantline.client_credentials(**options)
    if isinstance(issuer, VendorIssuer):
        with pytest.raises(GrantlineError, match="missing_org_info"):
            own.token()
    else:
        first = own.token()
        assert own.token() is first
        assert own.token(refused=first.value) != first
    wrong = {**options, "client_secret": "a-wrong-one", "store": MemoryStore()}
    with pytest.raises(ClientRejected):
        Grantline.client_credentials(**wrong).token()


@has_node
def test_a_server_that_ends_a_grant_whose_answer_was_lost_is_understood(provider: NodeIssuer) -> None:
    web = Grantline.web_app(**provider.options("web", scope=asked_by(provider)))
    started = web.start()
    session = web.finish(provider.follow(started.url), {started.cookie_name: started.cookie_value}).session
    httpx2.post(
        f"{provider.issuer}/token",
        data={
            "grant_type": "refresh_token",
            "refresh_token": refresh_token(session),
            "client_id": "web",
            "client_secret": provider.clients["web"]["client_secret"],
        },
    ).raise_for_status()
    with pytest.raises(ReconnectRequired):
        session.token(refused=session.token().value)
    assert session.status().ended


# What the vendor alone does


def test_a_person_of_another_data_center_is_served_there(vendor: VendorIssuer) -> None:
    vendor.location = "eu"
    web = Grantline.web_app(**vendor.options("web", scope=vendor.scope))
    started = web.start()
    done = web.finish(vendor.follow(started.url), {started.cookie_name: started.cookie_value})
    assert done.session.status().issuer == "https://accounts.zoho.eu"
    assert done.session.api_domain == "https://www.zohoapis.eu"
    done.session.token(refused=done.session.token().value)
    assert {place for place, path, _ in vendor.accounts.asked if path == "/oauth/v2/token"} == {"eu"}
    tv = Grantline.device(**vendor.options("tv", scope=vendor.scope))
    login = tv.login()
    vendor.approve(login.user_code)
    assert login.wait().status().issuer == "https://accounts.zoho.eu"
    polled = [place for place, path, _ in vendor.accounts.asked if path == "/oauth/v3/device/token"]
    assert polled == ["us", "eu"]


def test_the_vendors_file_of_a_self_client_is_all_that_is_needed(vendor: VendorIssuer) -> None:
    file = vendor.accounts.self_client_file("eu")
    options = {name: vendor.options("own")[name] for name in ("store", "wire", "async_wire", "clock")}
    session = Grantline.self_client(file, data_center="eu", **options)
    assert vendor.works(session.token().value)
    assert session.api_domain == "https://www.zohoapis.eu"
    again = Grantline.self_client(file, data_center="eu", **options)
    assert again.token() == session.token()
    late = vendor.accounts.self_client_file("eu")
    vendor.time.waited += 300
    options["store"] = MemoryStore()
    with pytest.raises(GrantTokenUnusable, match=r"expired 12[0-9] seconds ago"):
        Grantline.self_client(late, data_center="eu", **options)


REFUSALS: Mapping[str, tuple[Mapping[str, str], type[GrantlineError]]] = {
    "a grant that is over": ({"error": "invalid_code"}, ReconnectRequired),
    "an unknown client": ({"error": "invalid_client"}, ClientRejected),
    "a wrong secret": ({"error": "invalid_client_secret"}, ClientRejected),
    "too many requests": (THROTTLED, Throttled),
    "what has no name": ({"error": "general_error"}, GrantlineError),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_with_the_status_of_success_are_understood(case: str, vendor: VendorIssuer) -> None:
    members, error = REFUSALS[case]
    file = vendor.accounts.self_client_file("us")
    session = Grantline.self_client(file, **vendor.options("own"))
    held = session.token().value
    vendor.accounts.refused = dict(members)
    with pytest.raises(error) as refused:
        session.token(refused=held)
    assert type(refused.value) is error
    assert len(str(refused.value).splitlines()) == 2
    vendor.accounts.refused = None
    if error is not ReconnectRequired:
        assert session.token(refused=held)


def test_nothing_but_the_vendors_servers_is_ever_asked(vendor: VendorIssuer) -> None:
    options = vendor.options("own")
    del options["data_center"]
    with pytest.raises(Unreachable):
        Grantline.client_credentials(**options, issuer="https://accounts.attacker.example").token()
    with pytest.raises((ValueError, GrantlineError), match="There is no data center 'moon'"):
        Grantline.client_credentials(**options, data_center="moon")
