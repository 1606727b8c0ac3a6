"""The steps of a trial run: real requests to our own endpoints, through the application itself, written down
as they were sent and answered, with $VARIABLES in the places of secrets."""

import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx2

from grantline.clients import Client
from grantline.oauth.errors import CATALOGUE
from grantline.oauth.requests import DeviceCodeRequest
from grantline.oauth.scope import covers_all
from grantline.opaque import recognise
from grantline.tokens import generate_code
from grantline.web.console.trials import MOST_TEXT, Run, Step
from grantline.web.edge import Edge, Receive, Scope, Send
from grantline.web.logs import redact
from grantline.web.visit import Visit

CALLBACK: Final = "/console/try/callback"
CODE_SECONDS: Final = 180
CRM_CALL: Final = "/crm/v8/Leads?fields=Last_Name,Company&per_page=2"
CRM_SECONDS: Final = 5.0
_SHOWN_HEADERS: Final = ("content-type", "cache-control", "www-authenticate", "retry-after", "x-request-id")
_FORM: Final = "application/x-www-form-urlencoded"
Values = Sequence[tuple[str, str]]


async def _no_pages(scope: Scope, receive: Receive, send: Send) -> None:
    """A run calls endpoints for programs alone."""
    raise LookupError(scope["path"])


def next_step(visit: Visit, client: Client, run: Run) -> str:
    """The kind of the step that comes next; `over` after the last."""
    if run.refused:
        return "over"
    if not run.access_token:
        if DeviceCodeRequest.grant_type in client.type.grants:
            return "poll" if run.device_code else "device"
        if not run.code:
            return "code" if client.type.redirect_uris == "none" else "authorize"
        return "exchange"
    return next((kind for kind in _plan(visit, client, run) if kind not in run.done), "over")


def _plan(visit: Visit, client: Client, run: Run) -> Sequence[str]:
    """What is done with the tokens."""
    names = visit.server.mint.catalog.resolve(tuple(run.scope.split())).names
    openid = "openid" in names
    plan = [] if client.type.public else ["introspect"]
    plan += ["userinfo"] if openid else []
    api_domain = visit.server.mint.home.api_domain
    if (
        visit.server.settings.demo
        and api_domain != visit.server.issuer
        and covers_all(names, ("CRM.modules.leads.READ",))
    ):
        plan.append("crm")
    plan += ["refresh"] if run.refresh_token else []
    return [*plan, "revoke", *(["check"] if openid else [])]


async def take_step(visit: Visit, client: Client, run: Run, kind: str) -> None:
    """Do one step and write it down. A refusal is a result, too."""
    own = [("client_id", client.id), *([("client_secret", run.secret)] if run.secret else [])]
    match kind:
        case "code":
            await _generate(visit, client, run)
        case "exchange":
            fields = [("grant_type", "authorization_code"), *own, ("code", run.code)]
            if client.redirect_uris:
                fields += [("redirect_uri", client.redirect_uris[0]), ("code_verifier", run.verifier)]
            _keep_tokens(run, await _post(visit, client, run, kind, "/oauth/v2/token", fields))
        case "device":
            fields = [*own, ("scope", run.scope)]
            members = await _post(visit, client, run, kind, "/oauth/v3/device/code", fields)
            run.device_code = str(members.get("device_code", ""))
            run.user_code = str(members.get("user_code", ""))
            run.verification_uri = str(members.get("verification_uri", ""))
        case "poll":
            fields = [("grant_type", DeviceCodeRequest.grant_type), *own, ("device_code", run.device_code)]
            _keep_tokens(run, await _post(visit, client, run, kind, "/oauth/v2/token", fields))
        case "introspect":
            fields = [*own, ("token", run.access_token)]
            await _post(visit, client, run, kind, "/oauth/v2/introspect", fields)
        case "refresh":
            fields = [("grant_type", "refresh_token"), *own, ("refresh_token", run.refresh_token)]
            _keep_tokens(run, await _post(visit, client, run, kind, "/oauth/v2/token", fields))
        case "revoke":
            fields = [*own, ("token", run.refresh_token or run.access_token)]
            await _post(visit, client, run, kind, "/oauth/v2/token/revoke", fields)
        case "userinfo" | "check":
            await _get(visit, run, kind, f"{visit.server.issuer}/oauth/v2/userinfo")
        case "crm":
            await _get(visit, run, kind, f"{visit.server.mint.home.api_domain}{CRM_CALL}")
    run.done.append(kind)
    _judge(run, kind)


def _judge(run: Run, kind: str) -> None:
    """Whether the run can go on."""
    step = run.steps[-1]
    waiting = step.error in ("authorization_pending", "slow_down")
    if kind in ("exchange", "device", "poll") and step.status >= 400 and not waiting:
        run.refused = step.error or "unexpected"


async def _generate(visit: Visit, client: Client, run: Run) -> None:
    """What the page Generate code does for a self client."""
    mint = visit.server.mint
    resolved = mint.catalog.resolve(tuple(run.scope.split()))
    async with visit.server.db.transaction() as tx:
        run.code = await generate_code(
            mint,
            tx,
            client,
            resolved,
            now=visit.now,
            life_seconds=CODE_SECONDS,
            auth_time=visit.session.auth_at if visit.session is not None else visit.now,
        )
    fields = [["scope", run.scope], ["minutes", str(CODE_SECONDS // 60)]]
    run.add(Step("code", "", "", [], fields, 200, [], shorten(run.code)))


def authorization_fields(client: Client, run: Run) -> Values:
    """The parameters of the run's authorization request (RFC 6749 §4.1.1)."""
    return [
        ("response_type", "code"),
        ("client_id", client.id),
        ("redirect_uri", client.redirect_uris[0]),
        ("scope", run.scope),
        ("state", run.state),
        ("access_type", "offline"),
        ("prompt", "consent"),
        ("code_challenge", run.challenge),
        ("code_challenge_method", "S256"),
    ]


def record_return(visit: Visit, client: Client, run: Run, answer: Values) -> None:
    """The browser came back: write down where it was sent and what it brought (RFC 6749 §4.1.2)."""
    members = dict(answer)
    run.code = members.get("code", "")
    error = members.get("error", "")
    explained = members.get("error_uri", "").rpartition("/")[2]
    masks = run.masks()
    location = "\n".join(f"{name}={masks.get(value, redact(value[:300]))}" for name, value in answer)
    sent = [[name, value] for name, value in authorization_fields(client, run)]
    step = Step("authorize", "GET", f"{visit.server.issuer}/oauth/v2/auth", [], sent, 303, [], "")
    step.answer_headers = [["location", client.redirect_uris[0]]]
    step.answer = location[:MOST_TEXT]
    step.error = explained if explained in CATALOGUE else error
    run.add(step)
    run.done.append("authorize")
    if not run.code:
        run.refused = step.error or "unexpected"


async def _post(
    visit: Visit, client: Client, run: Run, kind: str, path: str, fields: Values
) -> dict[str, Any]:
    headers = [("Content-Type", _FORM)]
    if client.type.origins:
        headers.append(("Origin", visit.server.issuer))
    masks = run.masks()
    step = Step(
        kind,
        "POST",
        f"{visit.server.issuer}{path}",
        [list(header) for header in headers],
        [[name, masks.get(value, value)] for name, value in fields],
    )
    return await _send(visit, run, step, headers, urlencode(fields).encode())


async def _get(visit: Visit, run: Run, kind: str, url: str) -> None:
    step = Step(kind, "GET", url, [["Authorization", "Bearer $ACCESS_TOKEN"]], [])
    await _send(visit, run, step, [("Authorization", f"Bearer {run.access_token}")], b"")


async def _send(visit: Visit, run: Run, step: Step, headers: Values, body: bytes) -> dict[str, Any]:
    """Send the request: to ourselves without any network, to the sample API at its one fixed address."""
    own = urlsplit(step.url).netloc == urlsplit(visit.server.issuer).netloc
    transport = None
    if own:
        edge = Edge(visit.server, _no_pages)
        transport = httpx2.ASGITransport(app=edge, client=(visit.peer.address, 0))
    try:
        async with httpx2.AsyncClient(
            transport=transport, timeout=CRM_SECONDS, follow_redirects=False, trust_env=False
        ) as http:
            answer = await http.request(step.method, step.url, content=body or None, headers=dict(headers))
    except httpx2.HTTPError:
        step.answer = "No answer."
        run.add(step)
        return {}
    step.status = answer.status_code
    step.answer_headers = [
        [name, redact(answer.headers[name][:300])] for name in _SHOWN_HEADERS if name in answer.headers
    ]
    try:
        members = json.loads(answer.text)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        step.answer = redact(answer.text[:MOST_TEXT])
        run.add(step)
        return {}
    code = str(members.get("grantline_code") or members.get("error") or "")
    step.error = code if step.status >= 400 or "error" in members else ""
    step.answer = json.dumps(_without_secrets(members), indent=2, ensure_ascii=False)[:MOST_TEXT]
    run.add(step)
    return members


def _keep_tokens(run: Run, members: dict[str, Any]) -> None:
    run.access_token = str(members.get("access_token") or run.access_token)
    run.refresh_token = str(members.get("refresh_token") or run.refresh_token)
    run.id_token = str(members.get("id_token") or run.id_token)


def shorten(value: str) -> str:
    """A token that can be told from others and used for nothing."""
    return f"{value[:11]}…{value[-4:]}" if len(value) > 24 else value


def _without_secrets(value: Any) -> Any:
    """The members of an answer, every token in it shortened."""
    if isinstance(value, dict):
        return {name: _without_secrets(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_without_secrets(member) for member in value]
    if not isinstance(value, str):
        return value
    known = recognise(value)
    if (known is not None and known.kind != "glc") or value.startswith("eyJ"):
        return shorten(value)
    return redact(value)
