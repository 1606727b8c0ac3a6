"""The module for browser apps, in Chromium: an app on an origin of its own, the demo for the rest."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from joserfc import jwk, jws
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browsing import PATIENCE_MS, decide, sign_in
from tests.foreign.arrivals import Arrivals, listening
from tests.running import Demo

SCOPE: Final = "openid email CRM.modules.leads.READ"
APP: Final = """<!doctype html><meta charset="utf-8"><title>An app</title><button>Login</button>
<script type="module">
import * as sdk from "%(issuer)s/sdk/grantline.js";
window.start = (more = {}) => {
  window.gl = new sdk.Grantline({ issuer: "%(issuer)s", clientId: "%(client_id)s",
    redirectUri: "%(redirect_uri)s", scope: "%(scope)s", ...window.setup, ...more });
  window.heard = [];
  gl.addEventListener("change", () => heard.push("change"));
  gl.addEventListener("ended", (event) => heard.push(event.detail.code));
};
const words = (problem) => problem instanceof sdk.GrantlineError && problem.fix
  ? `${problem.name}: ${problem.code}` : String(problem);
window.outcome = (promise) => Promise.resolve(promise).catch(words);
start();
window.told = outcome(gl.handleRedirect());
window.seenByOthers = location.href;
document.querySelector("button").onclick = () => {
  window.result = outcome(gl.login({ popup: true, ...window.way }).then((user) => user.email));
};
</script>"""
MEMORY: Final = "JSON.stringify([localStorage, sessionStorage, document.cookie, history.state])"
LEADS: Final = "/crm/v8/Leads?fields=Last_Name"
LATER: Final = "const real = Date.now; Date.now = () => real() + %d"
KEYS: Final[dict[str, jwk.RSAKey | jwk.ECKey | jwk.OKPKey]] = {
    "RS256": jwk.RSAKey.generate_key(2048),
    "ES256": jwk.ECKey.generate_key("P-256"),
    "Ed25519": jwk.OKPKey.generate_key("Ed25519"),
}


@pytest.fixture(scope="module")
def app(demo: Demo) -> Iterator[Arrivals]:
    """The browser app's server: the same page at every path."""
    client = demo.client("client_based")
    address = client["redirect_uris"][0]
    values = {"issuer": demo.issuer, "client_id": client["client_id"], "redirect_uri": address}
    with listening(address, APP % {**values, "scope": SCOPE}) as arrivals:
        yield arrivals


@pytest.fixture(scope="module")
def context(chromium: Browser, demo: Demo, app: Arrivals) -> Iterator[BrowserContext]:
    """A browser in which the demo's person is signed in and has allowed the app what it asks for."""
    opened = chromium.new_context()
    opened.set_default_timeout(PATIENCE_MS)
    page, person = opened.new_page(), demo.user()
    begin(page, app)
    page.evaluate("() => { gl.login() }")
    page.wait_for_selector("input[name=password]")
    sign_in(page, person["email"], person["password"])
    decide(page)
    page.wait_for_function("() => window.gl?.user")
    page.close()
    yield opened
    opened.close()


@pytest.fixture
def tab(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    yield page
    page.close()


def begin(page: Page, app: Arrivals, **setup: Any) -> None:
    """Open the app."""
    page.add_init_script(f"window.setup = {json.dumps(setup)}")
    page.goto(app.address)
    page.wait_for_function("() => window.told")


def outcome(page: Page, promise: str) -> Any:
    """What the promise gave: a value, or the kind and the code of the error."""
    return page.evaluate(f"() => outcome({promise})")


def requests_to(page: Page, part: str) -> list[str]:
    """The requests from now on whose address has this part; the list grows."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if part in request.url else None)
    return found


def log_in(page: Page) -> Any:
    """Log in by redirect; what handleRedirect told."""
    page.evaluate("() => { window.told = undefined; gl.login({ returnTo: '/desk?x=1' }) }")
    page.wait_for_function("() => window.told && window.gl.connected")
    return page.evaluate("told")


def leads(page: Page) -> Any:
    return page.evaluate(f"async () => (await (await gl.fetch('{LEADS}')).json()).data.length")


@pytest.mark.parametrize("flow", ["code", "implicit"])
def test_a_person_signs_in_by_redirect_and_nothing_of_it_stays_in_the_page(
    flow: str, tab: Page, demo: Demo, app: Arrivals
) -> None:
    begin(tab, app, flow=flow)
    told = log_in(tab)
    assert told["user"]["email"] == demo.user()["email"]
    assert (told["user"]["issuer"], told["returnTo"]) == (demo.issuer, "/desk?x=1")
    assert tab.evaluate("[seenByOthers, location.href]") == [app.address, app.address]
    assert tab.evaluate(MEMORY) == '[{},{},"",null]'
    assert tab.evaluate("JSON.stringify(gl)") == "{}"
    assert leads(tab) >= 2
    assert tab.evaluate("heard") == ["change"]


def test_nothing_but_a_path_of_the_app_is_returned_to(tab: Page, app: Arrivals) -> None:
    begin(tab, app)
    tab.route("**/oauth/v2/auth?**", lambda route: route.fulfill(status=204))
    own = urlsplit(app.address)
    home = f"{own.scheme}://{own.netloc}"
    for asked, kept in (
        ("/desk?x=1#y", "/desk?x=1#y"),
        (f"{home}/desk", "/desk"),
        ("//evil.example/", ""),
        ("/\\evil.example/", ""),
        ("/.//evil.example/", ""),
        ("/desk/..//evil.example/", ""),
        (f"{home}//evil.example/", ""),
        ("javascript:alert(1)", ""),
    ):
        with tab.expect_request("**/oauth/v2/auth?**"):
            tab.evaluate("(returnTo) => { sessionStorage.clear(); gl.login({ returnTo }) }", asked)
        assert tab.evaluate("JSON.parse(Object.values(sessionStorage)[0]).returnTo") == kept, asked


def test_a_person_signs_in_in_a_popup_and_the_page_stays(tab: Page, demo: Demo, app: Arrivals) -> None:
    begin(tab, app)
    tab.evaluate("window.mine = 1")
    tab.click("button")
    assert tab.evaluate("result") == demo.user()["email"]
    assert (leads(tab) >= 2, tab.evaluate("mine")) == (True, 1)
    assert tab.evaluate(MEMORY) == '[{},{},"",null]'


def test_a_popup_that_is_blocked_or_closed_is_told_apart(tab: Page, app: Arrivals) -> None:
    begin(tab, app)
    tab.evaluate("window.way = { prompt: 'consent' }")
    with tab.expect_popup() as opening:
        tab.click("button")
    opening.value.wait_for_selector("button[name=decision]")
    opening.value.close()
    assert tab.evaluate("result") == "PopupProblem: popup_closed"
    tab.evaluate("window.open = () => null")
    tab.click("button")
    assert tab.evaluate("result") == "PopupProblem: popup_blocked"


def test_T59_a_message_of_another_origin_or_window_is_no_answer(tab: Page, demo: Demo, app: Arrivals) -> None:
    """RFC 9700 §4.17: even with the right state in it. That of the pop-up itself counts."""
    begin(tab, app)
    tab.evaluate("window.way = { prompt: 'consent' }")
    with tab.expect_popup() as opening:
        tab.click("button")
    popup = opening.value
    popup.wait_for_selector("button[name=decision]")
    state = dict(parse_qsl(urlsplit(popup.url).query))["state"]
    message = {"grantline": urlencode({"state": state, "code": "x", "iss": demo.issuer})}
    tab.evaluate("window.messages = 0; addEventListener('message', () => { messages += 1 })")
    hostile = f"<script>(opener ?? parent).postMessage({json.dumps(message)}, '*')</script>"
    with listening("http://127.0.0.1/evil", hostile) as evil:
        tab.evaluate(
            "(url) => { const f = document.createElement('iframe'); f.src = url; document.body.append(f) }",
            evil.address,
        )
        tab.evaluate("(message) => postMessage(message, location.origin)", message)
        address = popup.url
        popup.goto(evil.address)
        tab.wait_for_function("() => messages === 3")
        popup.goto(address)
    popup.click("button[name=decision][value=allow]", no_wait_after=True)
    assert tab.evaluate("result") == demo.user()["email"]


def test_an_implicit_apps_token_is_renewed_at_auth_refresh_by_one_for_all(tab: Page, app: Arrivals) -> None:
    begin(tab, app, flow="implicit")
    log_in(tab)
    first = outcome(tab, "gl.token()")
    assert 3_000_000 < tab.evaluate("gl.expiresAt - Date.now()") <= 3_600_000
    renewals = requests_to(tab, "/oauth/v2/auth/refresh?")
    tab.evaluate(LATER % 3_590_000)
    tokens = tab.evaluate("Promise.all(Array.from({ length: 20 }, () => gl.token()))")
    assert (len(set(tokens)), tokens[0] != first, len(renewals)) == (1, True, 1)
    assert leads(tab) >= 2
    assert tab.locator("iframe").count() == 0


def test_a_token_is_renewed_ahead_of_its_end_while_the_old_one_serves(tab: Page, app: Arrivals) -> None:
    begin(tab, app)
    log_in(tab)
    first = outcome(tab, "gl.token()")
    tab.evaluate(LATER % 3_000_000)
    assert outcome(tab, "gl.token()") == first
    tab.wait_for_function("(first) => gl.token().then((token) => token !== first)", arg=first)


def test_a_refresh_token_rotates_in_memory_and_survives_a_lost_answer(
    tab: Page, demo: Demo, app: Arrivals
) -> None:
    begin(tab, app, scope=f"{SCOPE} offline_access")
    tab.evaluate("() => { gl.login() }")
    tab.wait_for_selector("button[name=decision]")
    decide(tab)
    tab.wait_for_function("() => window.gl?.connected")
    first = outcome(tab, "gl.token()")
    sent: list[str] = []

    def lose_the_first(route: Route) -> None:
        sent.append(dict(parse_qsl(route.request.post_data or ""))["refresh_token"])
        answer = route.fetch()
        route.abort() if len(sent) == 1 else route.fulfill(response=answer)

    tab.route(f"{demo.issuer}/oauth/v2/token", lose_the_first)
    tab.evaluate(LATER % 3_590_000)
    assert outcome(tab, "gl.token()").startswith("gla_")
    tab.evaluate("Date.now = ((real) => () => real() + 7_180_000)(Date.now)")
    assert outcome(tab, "gl.token()") != first
    assert (len(sent), sent[0] == sent[1], sent[1] != sent[2]) == (3, True, True)
    assert tab.evaluate(MEMORY) == '[{},{},"",null]'


def test_a_refused_token_is_renewed_once_and_goes_to_known_apis_alone(
    tab: Page, demo: Demo, app: Arrivals
) -> None:
    begin(tab, app)
    log_in(tab)
    sent: list[str] = []

    def refuse(times: int) -> Callable[[Route], None]:
        def answer(route: Route) -> None:
            if route.request.method == "OPTIONS" or len(sent) >= times:
                return route.continue_()
            sent.append(route.request.headers["authorization"])
            return route.fulfill(status=401, headers={"Access-Control-Allow-Origin": "*"})

        return answer

    first = outcome(tab, "gl.token()")
    tab.route(f"{demo.api_domain}/**", refuse(1))
    assert leads(tab) >= 2
    assert (sent, outcome(tab, "gl.token()") != first) == ([f"Bearer {first}"], True)
    sent.clear()
    tab.unroute_all()
    tab.route(f"{demo.api_domain}/**", refuse(99))
    status = f"gl.fetch('{LEADS}').then((response) => response.status)"
    assert outcome(tab, status) == 401
    assert len(sent) == 1, "a token that just came after a refusal is not the reason for the next one"
    elsewhere = ["https://evil.example/x", "../x", f"{demo.api_domain[:-1]}/x"]
    elsewhere.append(demo.api_domain.replace("://", "://evil@") + LEADS)
    asked = requests_to(tab, "http")
    for address in elsewhere:
        assert outcome(tab, f"gl.fetch({json.dumps(address)})") == "GrantlineError: misuse"
    assert asked == []


def encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def half_hash(value: str, alg: str = "ES256") -> str:
    digest = (hashlib.sha512 if alg == "Ed25519" else hashlib.sha256)(value.encode()).digest()
    return encode(digest[: len(digest) // 2])


def signed(claims: dict[str, Any], alg: str, header: dict[str, Any]) -> str:
    """A JWT of the test's own key, whatever it claims."""
    head = {"alg": alg, "kid": alg, **header}
    told = {name: value for name, value in claims.items() if value is not None}
    if head["alg"] not in KEYS:  # none, or a MAC with what everybody knows
        return f"{encode(json.dumps(head).encode())}.{encode(json.dumps(told).encode())}."
    allowed = jws.JWSRegistry(algorithms=list(KEYS), strict_check_header=False)
    if "crit" in head:
        head["b64"] = True
    return jws.serialize_compact(head, json.dumps(told), KEYS[alg], registry=allowed)


def public_keys() -> dict[str, Any]:
    found = []
    for alg, key in KEYS.items():
        members = key.as_dict(private=False)
        found.append({**members, "kid": alg, "alg": alg, "use": "sig"})
    return {"keys": [*found, {**found[0], "kid": "other use", "alg": "RS512"}]}


BAD: Final[dict[str, tuple[dict[str, Any], dict[str, Any], str]]] = {
    "wrong nonce": ({"nonce": "other"}, {}, "id_token_nonce"),
    "no nonce": ({"nonce": None}, {}, "id_token_nonce"),
    "wrong at_hash": ({"at_hash": half_hash("other")}, {}, "id_token_at_hash"),
    "no at_hash": ({"at_hash": None}, {}, "id_token_at_hash"),
    "wrong c_hash": ({"c_hash": half_hash("other")}, {}, "id_token_c_hash"),
    "another app": ({"aud": "glc_us_other"}, {}, "id_token_aud"),
    "two apps": ({"aud": ["ours", "glc_us_other"]}, {}, "id_token_aud"),
    "for another party": ({"azp": "glc_us_other"}, {}, "id_token_azp"),
    "another issuer": ({"iss": "https://evil.example"}, {}, "id_token_iss"),
    "over": ({"exp": 1_000_000}, {}, "id_token_exp"),
    "without end": ({"exp": None}, {}, "id_token_exp"),
    "nobody": ({"sub": None}, {}, "id_token_sub"),
    "alg none": ({}, {"alg": "none"}, "id_token_alg"),
    "a MAC": ({}, {"alg": "HS256"}, "id_token_alg"),
    "an access token": ({}, {"typ": "at+jwt"}, "id_token_alg"),
    "an unknown demand": ({}, {"crit": ["b64"]}, "id_token_alg"),
    "another key's name": ({}, {"kid": "RS256"}, "id_token_key"),
    "an unknown key": ({}, {"kid": "other"}, "id_token_key"),
}


def attempt(page: Page, demo: Demo) -> dict[str, str]:
    """Begin a login by redirect that never leaves the page; what it asked."""
    page.route(f"{demo.issuer}/oauth/v2/auth?*", lambda route: route.fulfill(status=204))
    with page.expect_request(f"{demo.issuer}/oauth/v2/auth?*") as request:
        page.evaluate("() => { start(); gl.login() }")
    return dict(parse_qsl(urlsplit(request.value.url).query))


def land(page: Page, answer: str) -> Any:
    """Come back with an answer; `user` or the error."""
    page.evaluate("(answer) => history.replaceState(null, '', answer)", answer)
    said = outcome(page, "gl.handleRedirect().then((told) => told.user.subject)")
    assert page.evaluate("location.search + location.hash") == ""
    state = dict(parse_qsl(answer[1:]))["state"]
    assert state not in page.evaluate(MEMORY)
    return said


def test_T96_an_id_token_counts_only_if_everything_about_it_holds(
    tab: Page, demo: Demo, app: Arrivals
) -> None:
    """OpenID Connect Core §3.2.2.11, §3.1.3.7; T56: nobody is signed in by a token of another app."""
    keys = json.dumps(public_keys())
    public = {"Access-Control-Allow-Origin": "*", "Content-Type": "application/json"}
    tab.route(f"{demo.issuer}/oauth/v2/keys", lambda route: route.fulfill(body=keys, headers=public))
    tab.route(
        f"{demo.issuer}/oauth/v2/userinfo",
        lambda route: route.fulfill(body='{"sub": "somebody"}', headers=public),
    )
    begin(tab, app, flow="implicit")

    def lands(alg: str, changes: dict[str, Any], header: dict[str, Any], spoil: bool = False) -> Any:
        asked = attempt(tab, demo)
        now = tab.evaluate("Math.floor(Date.now() / 1000)")
        claims: dict[str, Any] = {
            "iss": demo.issuer,
            "sub": "somebody",
            "aud": asked["client_id"],
            "nonce": asked["nonce"],
        }
        claims |= {"iat": now, "exp": now + 600, "at_hash": half_hash("gla_x", alg), **changes}
        if isinstance(claims["aud"], list):
            claims["aud"] = [asked["client_id"] if one == "ours" else one for one in claims["aud"]]
        token = signed(claims, alg, header)
        if spoil:
            head, _, signature = token.split(".")
            token = f"{head}.{encode(json.dumps({**claims, 'sub': 'else'}).encode())}.{signature}"
        answer = {"access_token": "gla_x", "token_type": "Bearer", "expires_in": "3600", "id_token": token}
        return land(tab, "#" + urlencode({**answer, "state": asked["state"], "iss": demo.issuer}))

    for alg in KEYS:
        assert lands(alg, {}, {}) == "somebody", alg
        assert lands(alg, {}, {}, spoil=True) == "AnswerRefused: id_token_signature", alg
    assert lands("RS256", {}, {"kid": "other use"}) == "AnswerRefused: id_token_key"
    for case, (changes, header, code) in BAD.items():
        fits = "id_token_aud" if code == "id_token_azp" else code
        assert lands("ES256", changes, header) == f"AnswerRefused: {fits}", case
        assert tab.evaluate("[gl.user, gl.connected]") == [None, False], case
    tab.unroute(f"{demo.issuer}/oauth/v2/userinfo")
    tab.route(
        f"{demo.issuer}/oauth/v2/userinfo",
        lambda route: route.fulfill(body='{"sub": "another"}', headers=public),
    )
    assert lands("ES256", {}, {}) == "AnswerRefused: sub_wrong"


def test_another_programs_answer_in_the_address_is_left_alone(tab: Page, app: Arrivals) -> None:
    """An app may have more than one way to sign in, each with a redirect address of its own."""
    begin(tab, app)
    elsewhere = f"{app.address.removesuffix('/callback')}/other?code=x&state=y"
    tab.goto(elsewhere)
    tab.wait_for_function("() => window.told")
    assert tab.evaluate("told") is None
    assert tab.url == elsewhere


def test_a_server_that_is_away_ends_no_grant(tab: Page, demo: Demo, app: Arrivals) -> None:
    """A token serves to its very end; after it the app is told, and goes on when the server is back."""
    begin(tab, app)
    log_in(tab)
    first = outcome(tab, "gl.token()")
    tab.route(f"{demo.issuer}/oauth/v2/auth?*", lambda route: route.abort())
    tab.evaluate(LATER % 3_590_000)
    assert outcome(tab, "gl.token()") == first
    tab.evaluate("Date.now = ((real) => () => real() + 20_000)(Date.now)")
    assert outcome(tab, "gl.token()") == "Unreachable: frame_blocked"
    assert tab.evaluate("[gl.connected, heard]") == [True, ["change"]]
    tab.unroute_all()
    assert outcome(tab, "gl.token()").startswith("gla_")


def test_T19_an_answer_that_is_not_to_this_tabs_question_leads_to_no_request(
    tab: Page, context: BrowserContext, demo: Demo, app: Arrivals
) -> None:
    """RFC 9207 §2.4; T110: an address counts for nothing because an answer names it."""
    begin(tab, app)
    other = context.new_page()
    begin(other, app)
    others, evil = attempt(other, demo), "https://evil.example"
    asked = attempt(tab, demo)
    cases = {
        "state_unknown": {"state": others["state"], "iss": demo.issuer},
        "iss_wrong": {"iss": evil},
        "iss_wrong ": {},
        "iss_wrong  ": {"accounts-server": evil, "location": "us"},
        "answer_doubled": {"iss": demo.issuer, "then": f"&iss={evil}"},
    }
    for code, changes in cases.items():
        asked = attempt(tab, demo)
        then = changes.pop("then", "")
        sent = requests_to(tab, "http")
        answer = {"code": "glg_us_x", "state": asked["state"], **changes}
        assert land(tab, f"?{urlencode(answer)}{then}") == f"AnswerRefused: {code.strip()}", code
        assert sent == [], code
    assert land(other, "?" + urlencode({"code": "x", "state": others["state"], "iss": demo.issuer})) == (
        "SignInNeeded: code_unknown"
    )
    other.close()


def test_T110_a_data_center_is_followed_only_if_the_issuer_lists_it(
    tab: Page, demo: Demo, app: Arrivals
) -> None:
    public = {"Access-Control-Allow-Origin": "*", "Content-Type": "application/json"}
    with listening("http://127.0.0.1/x", "{}") as abroad:
        listed = abroad.address.removesuffix("/x")
        told = {"locations": {"us": demo.issuer, "eu": listed}, "api_domains": {}}
        tab.route(
            f"{demo.issuer}/oauth/serverinfo",
            lambda route: route.fulfill(body=json.dumps(told), headers=public),
        )
        begin(tab, app)
        asked = attempt(tab, demo)
        land(tab, "?" + urlencode({"code": "x", "state": asked["state"], "iss": listed, "location": "eu"}))
        assert [one.target for one in abroad.seen] == ["/.well-known/openid-configuration"]
        tab.unroute(f"{demo.issuer}/oauth/v2/auth?*")
        log_in(tab)
        assert tab.evaluate("gl.apiDomain") == ""
        assert outcome(tab, f"gl.fetch('{demo.api_domain}{LEADS}')") == "GrantlineError: misuse"


def test_T110_a_person_of_another_data_center_is_served_there(
    chromium: Browser, demo: Demo, app: Arrivals
) -> None:
    """From the link to the first data center to an API of the second: code, renewal and calls go there."""
    europe, person = demo.data_center("eu"), demo.user("user", "eu")
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    begin(page, app)
    page.evaluate("() => { gl.login() }")
    page.get_by_role("button", name="Go on in Europe").click()
    page.wait_for_selector("input[name=password]")
    asked = requests_to(page, "/oauth/v2/token")
    sign_in(page, person["email"], person["password"])
    decide(page)
    page.wait_for_function("() => window.gl?.connected")
    assert page.evaluate("[gl.user.issuer, gl.apiDomain]") == [europe["issuer"], europe["api_domain"]]
    assert leads(page) >= 1
    first = outcome(page, "gl.token()")
    page.evaluate(LATER % 3_590_000)
    assert outcome(page, "gl.token()") not in (first, None)
    page.reload()
    page.wait_for_function("() => window.told")
    assert outcome(page, "gl.restore()") is None
    assert outcome(page, "gl.restore({ issuer: 'https://evil.example' })") == "GrantlineError: misuse"
    restored = f"gl.restore({{ issuer: '{europe['issuer']}' }}).then((user) => user.email)"
    assert outcome(page, restored) == person["email"]
    assert asked == [f"{europe['issuer']}/oauth/v2/token"] * 3
    context.close()


def test_what_the_person_or_the_server_refuses_is_told_in_words(tab: Page, demo: Demo, app: Arrivals) -> None:
    begin(tab, app)
    for error, kind in (("access_denied", "ServerRefused"), ("login_required", "SignInNeeded")):
        asked = attempt(tab, demo)
        answer = {"error": error, "state": asked["state"], "iss": demo.issuer}
        assert land(tab, f"?{urlencode(answer)}") == f"{kind}: {error}"
    tab.route("**/.well-known/openid-configuration", lambda route: route.abort())
    tab.evaluate("start()")
    assert outcome(tab, "gl.login()") == "Unreachable: unreachable"
    assert outcome(tab, "gl.token()") == "SignInNeeded: not_signed_in"
    tab.evaluate("window.setup = { redirectUri: 'https://other.example/callback' }")
    assert outcome(tab, "Promise.resolve().then(() => start())") == "GrantlineError: misuse"


def test_a_reload_restores_and_a_logout_ends_every_tab(
    tab: Page, context: BrowserContext, demo: Demo, app: Arrivals
) -> None:
    begin(tab, app)
    assert outcome(tab, "gl.restore().then((user) => user.email)") == demo.user()["email"]
    other = context.new_page()
    begin(other, app)
    assert outcome(other, "gl.restore().then((user) => user.email)") == demo.user()["email"]
    tokens = [outcome(page, "gl.token()") for page in (tab, other)]
    assert tokens[0] != tokens[1]
    with other.expect_response(f"{demo.issuer}/oauth/v2/token/revoke"):
        outcome(tab, "gl.logout()")
    other.wait_for_function("() => !gl.connected")
    assert other.evaluate("heard") == ["change", "signed_out", "change"]
    assert tab.evaluate("heard") == ["change", "change"]
    for token in tokens:
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx2.get(f"{demo.issuer}/oauth/v2/userinfo", headers=headers).status_code == 401
    assert outcome(tab, "gl.restore()") is None
    for page in (tab, other):
        page.reload()
        page.wait_for_function("() => window.told")
        assert outcome(page, "gl.restore()") is None
    assert log_in(tab)["user"]
    other.close()


def test_who_is_signed_out_at_the_server_is_told_so_and_the_grant_is_over(
    chromium: Browser, demo: Demo, app: Arrivals
) -> None:
    context, person = chromium.new_context(), demo.user()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    begin(page, app)
    assert outcome(page, "gl.restore()") is None
    page.evaluate("() => { gl.login() }")
    page.wait_for_selector("input[name=password]")
    sign_in(page, person["email"], person["password"])
    if page.locator("button[name=decision]").count():
        decide(page)
    page.wait_for_function("() => window.gl?.connected")
    context.clear_cookies()
    page.evaluate(LATER % 3_590_000)
    assert outcome(page, "gl.token()") == "SignInNeeded: login_required"
    assert page.evaluate("[heard, gl.connected]") == [["change", "login_required", "change"], False]
    context.close()


def test_a_module_that_is_not_what_the_page_chose_does_not_run(tab: Page, demo: Demo, app: Arrivals) -> None:
    served = httpx2.get(f"{demo.issuer}/sdk/grantline.js")
    address = demo.issuer + served.headers["content-location"]
    digest = base64.b64encode(hashlib.sha384(served.content).digest()).decode()
    page = """<!doctype html><title>nothing ran</title>
    <script type="importmap">{"imports": {"grantline": "%(address)s"},
    "integrity": {"%(address)s": "sha384-%(digest)s"}}</script>
    <script type="module">import * as sdk from "grantline"; document.title = typeof sdk.Grantline;</script>"""
    with listening("http://127.0.0.1/right", page % {"address": address, "digest": digest}) as right:
        tab.goto(right.address)
        expect(tab).to_have_title("function")
    with (
        listening("http://127.0.0.1/wrong", page % {"address": address, "digest": "A" * 64}) as wrong,
        tab.expect_console_message(lambda message: "integrity" in message.text),
    ):
        tab.goto(wrong.address)
    expect(tab).to_have_title("nothing ran")
