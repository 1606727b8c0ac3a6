"""What a pasted text turns out to be: what it is, what happened, what to do. Only what belongs to this person
or to their workspaces is told about; for all else one sentence serves, whether it exists or not (T143)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from grantline.activity import find_entry
from grantline.clients import Client, find_client, find_client_for, find_secret_holder, seek_clients
from grantline.oauth.errors import CATALOGUE, Explanation
from grantline.opaque import (
    ACCESS_TOKEN,
    AUTHORIZATION_CODE,
    CLIENT_ID,
    CLIENT_SECRET,
    DEVICE_CODE,
    PERSONAL_TOKEN,
    REFRESH_TOKEN,
    recognise,
)
from grantline.tokens import Trace, trace_token
from grantline.web.console.address_check import check_address
from grantline.web.console.finding import LEAKED, Finding
from grantline.web.console.finding_elsewhere import find_told, link_console_of, tell_elsewhere
from grantline.web.console.happenings import render_happening
from grantline.web.console.place import Place
from grantline.web.console.recognising import Pasted, masked
from grantline.web.languages import _, mark
from grantline.web.pages.reference import search_catalogue
from grantline.web.templating import render_utc
from grantline.web.visit import Visit
from grantline.workspaces import CHANGE, ROLES

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        CLIENT_ID: mark("A client ID"),
        CLIENT_SECRET: mark("A client secret"),
        AUTHORIZATION_CODE: mark("A grant token (authorization code)"),
        ACCESS_TOKEN: mark("An access token"),
        REFRESH_TOKEN: mark("A refresh token"),
        DEVICE_CODE: mark("A device code"),
        PERSONAL_TOKEN: mark("A personal access token"),
    }
)
STATES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "live": ("wait", mark("It works now")),
        "used": ("open", mark("It was used")),
        "expired": ("open", mark("It expired")),
        "ended": ("open", mark("It was revoked, or its access ended")),
        "replaced": ("open", mark("A newer one took its place")),
        "waiting": ("wait", mark("It waits for a person’s answer")),
        "denied": ("open", mark("The person said no")),
    }
)
NOT_YOURS: Final = mark(
    "It belongs to none of your clients, and it is none of your own. More is told to its owner alone."
)
MOST_FOUND: Final = 12


async def look_into(visit: Visit, place: Place, pasted: Pasted) -> Finding:
    """What the text is, as far as this person may know."""
    match pasted.kind:
        case "token":
            return await _token(visit, place, pasted.text)
        case "broken":
            return _broken(pasted.text)
        case "jwt":
            found = Finding(_("A JSON Web Token"), sentences=[_(LEAKED)])
            found.fix = _("Read it in your browser: the reader below sends nothing anywhere.")
            found.link(_("Open the JWT reader"), "/console/troubleshoot/jwt")
            return found
        case "secret_id":
            found = Finding(_("The ID of a client secret"))
            found.sentences = [_("It names a secret on pages and in logs, and proves nothing.")]
            found.fix = _(
                "Where a client_secret is asked for, send the value that was shown once, not this ID."
            )
            found.link(CATALOGUE["client_secret_is_its_id"].code, "/errors/client_secret_is_its_id")
            return found
        case "request":
            return await _request(visit, place, pasted.text)
        case "error" | "code":
            return await _error(visit, place, pasted)
        case "address":
            return await _address(visit, place, pasted)
    return await _words(visit, place, pasted.text)


def _broken(text: str) -> Finding:
    kind = KINDS.get(text[:3])
    found = Finding(_(kind) if kind else _("Something like a token"), "stop", _("It is not whole"))
    found.sentences = [
        _(
            "It looks like one of ours, but its length or its checksum is wrong: a character is missing or"
            " changed."
        )
    ]
    found.fix = _("Copy it again, whole: a line break or a sign at its end often gets lost or added.")
    return found


async def _token(visit: Visit, place: Place, text: str) -> Finding:
    known = recognise(text)
    assert known is not None
    found = Finding(_(KINDS[known.kind]))
    found.fact(_("Data center"), known.data_center.upper())
    found.fact(_("Checksum"), _("right: it is whole"))
    home = visit.server.code
    if known.data_center != home:
        return tell_elsewhere(visit, known, found, text)
    if known.kind == CLIENT_ID:
        return await _client_id(visit, place, text, found)
    found.fact(_("It begins and ends with"), masked(text))
    if known.kind == PERSONAL_TOKEN:
        found.sentences = [_(LEAKED)]
        found.link(_("Your keys"), "/console/keys")
        return found
    if known.kind == CLIENT_SECRET:
        return await _secret(visit, place, text, found)
    trace = await trace_token(visit.server.mint, text, visit.now)
    return await _traced(visit, place, trace, found)


async def _client_id(visit: Visit, place: Place, client_id: str, found: Finding) -> Finding:
    mine = await find_client_for(visit.server.db, place.account.id, client_id)
    if mine is None:
        found.sentences = [_("None of your clients has this ID.")]
        found.fix = _("Look whether it is complete, and whether you are signed in as the right person.")
        return found
    client = mine[0]
    found.state, found.word = ("done", _("Yours")) if client.enabled else ("stop", _("Switched off"))
    _name(found, client)
    return found


def _name(found: Finding, client: Client) -> None:
    path = f"/console/clients/{client.id}"
    found.fact(_("Client"), client.name)
    found.fact(_("Type"), _(client.type.title))
    found.link(_("Open the client"), path)
    found.link(_("Its activity"), f"{path}/activity")


async def _secret(visit: Visit, place: Place, text: str, found: Finding) -> Finding:
    holder = await find_secret_holder(visit.server.db, place.account.id, text, visit.now)
    if holder is None:
        found.sentences = [_(NOT_YOURS)]
        return found
    found.state, found.word = ("wait", _("It works now")) if holder.live else ("open", _("It is dead"))
    found.sentences = [_(LEAKED)] if holder.live else []
    found.fact(_("Client"), holder.name)
    found.fact(_("Secret ID"), holder.secret_id)
    found.fix = _("If others saw it, reset it: the client ID stays, and the old value stops at once.")
    found.link(_("Go to the client’s credentials"), f"/console/clients/{holder.client_id}/credentials")
    return found


async def _traced(visit: Visit, place: Place, trace: Trace | None, found: Finding) -> Finding:
    mine = (
        await find_client_for(visit.server.db, place.account.id, trace.client_id)
        if trace is not None
        else None
    )
    own = trace is not None and trace.account_id == place.account.id
    if trace is None or (mine is None and not own):
        found.sentences = [_(NOT_YOURS)]
        return found
    state, word = STATES[trace.state]
    found.state, found.word = state, _(word)
    if mine is not None:
        _name(found, mine[0])
    else:
        client = await find_client(visit.server.db, trace.client_id)
        found.fact(_("App"), client.name if client is not None else "")
        found.link(_("Your connected apps"), "/account/apps")
    found.fact(_("Scopes"), " ".join(trace.scope))
    found.fact(_("Until"), render_utc(trace.until) if trace.until is not None else "")
    if trace.state == "live":
        found.sentences = [_(LEAKED)]
    may_end = own or (mine is not None and CHANGE in ROLES.get(mine[1], frozenset()))
    if trace.authorization_id and trace.state in ("live", "replaced") and may_end:
        found.fix = _("Revoking ends this token, and every other that came of the same permission.")
        number = str(trace.authorization_id)
        found.revoke = {"authorization": number, "token": visit.form_token(f"revoke:{number}")}
    return found


async def _request(visit: Visit, place: Place, request_id: str) -> Finding:
    found = Finding(_("A request ID"))
    found.fact(_("Request"), request_id)
    entry = await find_entry(visit.server.db, request_id)
    mine = await find_client_for(visit.server.db, place.account.id, entry.client_id) if entry else None
    if entry is None and (told := await find_told(visit, place, request_id)) is not None:
        return told
    if entry is None or mine is None:
        found.sentences = [_("None of your clients has a refused request with this ID.")]
        found.fix = _(
            "Check that it is complete. A request that worked is not kept, and the oldest make room for new"
            " ones."
        )
        return found
    found.entry = render_happening(entry, mine[0], is_open=True)
    _name(found, mine[0])
    return found


async def _error(visit: Visit, place: Place, pasted: Pasted) -> Finding:
    members = pasted.members
    request_id = members.get("request_id", "")
    if request_id:
        found = await _request(visit, place, request_id[:40])
        if found.entry is not None:
            return found
    entry = _explain(pasted)
    if entry is None:
        word = members.get("error", pasted.text)
        same = [known for known in CATALOGUE.values() if known.error == word]
        found = Finding(_("An error"), "stop", _("Refused"))
        found.fact("error", word[:200])
        found.sentences = [
            _(
                "Several things are answered with this word. The exact one stands in grantline_code and"
                " error_uri."
            )
            if same
            else _("This word is none of ours. It may come from another server, or from the app itself.")
        ]
        for known in same[:MOST_FOUND]:
            found.link(_(known.title), f"/errors/{known.code}")
        return found
    found = Finding(_(entry.title), "stop", _("Refused"))
    found.fact("grantline_code", entry.code)
    found.fact("error", entry.error)
    found.fact("expected_issuer", members.get("expected_issuer", "")[:200])
    link_console_of(visit, members.get("expected_issuer", ""), found)
    found.sentences = [_(entry.cause)]
    found.fix = _(entry.fix)
    found.link(_("What this code means"), f"/errors/{entry.code}")
    return found


def _explain(pasted: Pasted) -> Explanation | None:
    """The exact entry of the catalogue: by sub-code, by the page that the answer names, or where a word has
    but one."""
    members = pasted.members
    named = (
        members.get("grantline_code", ""),
        members.get("error_uri", "").rpartition("/")[2],
        pasted.text if pasted.kind == "code" else members.get("error", ""),
    )
    for code in named:
        if code in CATALOGUE:
            return CATALOGUE[code]
    described = members.get("error_description")
    same = [
        known
        for known in CATALOGUE.values()
        if known.error == named[2] and (described is None or known.description == described)
    ]
    return same[0] if len(same) == 1 else None


async def _address(visit: Visit, place: Place, pasted: Pasted) -> Finding:
    members = pasted.members
    if "error" in members:
        return await _error(visit, place, Pasted("error", pasted.text, members))
    if "response_type" in members or "client_id" in members:
        found = Finding(_("An authorization request"))
        checked = await check_address(visit, place, pasted.text)
        found.state, found.word = checked.state, checked.word
        found.checks, found.fix = checked.checks, checked.fix
        if checked.client is not None:
            _name(found, checked.client)
        return found
    for name in ("code", "access_token", "refresh_token", "token", "client_secret"):
        if name in members and recognise(members[name]) is not None:
            found = await _token(visit, place, members[name])
            found.sentences.insert(
                0,
                _("The address carries a secret, as %(name)s. Logs on the way may have kept it.", name=name),
            )
            return found
    found = Finding(_("An address"))
    found.sentences = [_("It is no authorization request of ours, and carries neither an error nor a token.")]
    found.fix = _("If it is a redirect URI that was refused, compare it with the registered one.")
    found.link(_("Compare two addresses"), "/console/troubleshoot/addresses")
    return found


async def _words(visit: Visit, place: Place, text: str) -> Finding:
    found = Finding(_("A search"))
    for client_id, name in await seek_clients(visit.server.db, place.account.id, text[:100]):
        found.link(name, f"/console/clients/{client_id}")
    for entry in search_catalogue(text)[:MOST_FOUND]:
        found.link(_(entry.title), f"/errors/{entry.code}")
    if not found.links:
        found.sentences = [_("Neither a client of yours nor an error goes by these words.")]
        found.fix = _("Paste the whole answer that your app got, or its request ID: that tells the most.")
    return found
