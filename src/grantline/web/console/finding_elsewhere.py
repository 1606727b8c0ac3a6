"""What a pasted text has to do with another data center: whose it is, and which console is the right one
(R24, R84)."""

from grantline.activity import find_cause_elsewhere
from grantline.clients import find_client_for
from grantline.opaque import CLIENT_ID, CLIENT_SECRET, Recognised
from grantline.web.console.finding import LEAKED, Finding
from grantline.web.console.overview import explain_cause
from grantline.web.console.place import Place
from grantline.web.console.recognising import masked
from grantline.web.console.standings import cause_title
from grantline.web.languages import _
from grantline.web.templating import render_utc
from grantline.web.visit import Visit


def tell_elsewhere(visit: Visit, known: Recognised, found: Finding, text: str) -> Finding:
    """Whose an identifier of another data center is, by its name alone: nobody is asked."""
    center = visit.server.mint.data_centers.find(known.data_center)
    found.state, found.word = "stop", _("Another data center")
    if known.kind != CLIENT_ID:
        found.fact(_("It begins and ends with"), masked(text))
    if center is None:
        found.sentences = [
            _("No data center that is known here has the code %(code)s.", code=known.data_center.upper())
        ]
        found.fix = _("Look whether it is complete, and whether it was meant for another server altogether.")
        return found
    found.sentences = [_("It belongs to %(name)s. Here, nothing is known of it.", name=center.name)]
    if known.kind == CLIENT_SECRET:
        found.sentences = [_("It works in %(name)s alone, whichever app has it.", name=center.name)]
    found.fact(_("Its issuer"), center.issuer)
    found.fact(_("API domain"), center.api_domain)
    found.fix = _("Send it to %(issuer)s, and look for it in the console there.", issuer=center.issuer)
    if known.kind == CLIENT_ID:
        found.link(
            _("Open it in the console of %(name)s", name=center.name), f"{center.console}/clients/{text}"
        )
    else:
        found.sentences.append(_(LEAKED))
        words = _("Open Troubleshoot in the console of %(name)s", name=center.name)
        found.link(words, f"{center.console}/troubleshoot")
    return found


def link_console_of(visit: Visit, issuer: str, found: Finding) -> None:
    """The console of the data center that an answer named."""
    for center in visit.server.mint.data_centers.others:
        if center.issuer == issuer:
            found.fact(_("Data center"), center.name)
            found.link(_("Open the console of %(name)s", name=center.name), center.console)


async def find_told(visit: Visit, place: Place, request_id: str) -> Finding | None:
    """What another data center told of this request, if it was of a client of this person's; else whose
    request it is, by its name alone (T143)."""
    code = request_id.removeprefix("req_").partition("_")[0]
    center = visit.server.mint.data_centers.find(code)
    if center is None:
        return None
    found = Finding(_("A request ID"), "stop", _("Another data center"))
    found.fact(_("Request"), request_id)
    found.fact(_("Data center"), center.name)
    cause = await find_cause_elsewhere(visit.server.db, request_id)
    mine = await find_client_for(visit.server.db, place.account.id, cause.client_id) if cause else None
    if cause is None or mine is None:
        found.sentences = [
            _(
                "%(name)s answered it. Of what is refused there, codes and counts are told here, with the"
                " newest request of each kind; this is none of these.",
                name=center.name,
            )
        ]
        found.fix = _("Look at your client’s activity by cause, or for the request in the console there.")
        found.link(_("Open the console of %(name)s", name=center.name), f"{center.console}/activity")
        return found
    client = mine[0]
    why, found.fix = explain_cause(cause, client, visit.server.mint.home)
    found.sentences = [f"{cause_title(cause)}.", why]
    if not cause.proven:
        found.sentences.append(
            _("Whoever sent it had not proven to be this client: anybody can send such a request.")
        )
    found.fact("grantline_code", cause.code)
    found.fact(_("Where"), cause.endpoint)
    found.fact(_("Last"), render_utc(cause.last_at))
    found.fact(_("Client"), client.name)
    found.link(_("Its activity"), f"/console/clients/{client.id}/activity?view=causes")
    if client.type.crosses:
        found.link(_("See its data centers"), f"/console/clients/{client.id}/data-centers")
    return found
