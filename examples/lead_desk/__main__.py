"""Lead Desk: people of any data center sign in, look at their leads, add some, change them, and leave."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from examples.lead_desk.leads import CREATE, READ, STATUSES, UPDATE, Refused, add_lead, list_leads, set_status
from examples.lead_desk.visits import Person, Visit, Visits, is_ours
from examples.serving import Pages, read_config, serve, site
from examples.store import open_store
from grantline import Grantline, GrantlineError, ReconnectRequired, ScopeMissing, Session
from grantline.sdk.adapters.starlette import Login

config, port = read_config("lead_desk", port=8704)
# To look is enough to begin with; what changes something is asked for when somebody wants to.
BASIC: Final = ("openid", "email", "profile", READ)
web = Grantline.web_app(config, store=open_store("lead_desk"))
login = Login(web)
visits = Visits()
pages = Pages("lead_desk", statuses=STATUSES, issuer=config["issuer"])
NEW: Final = ("First_Name", "Last_Name", "Company", "Email")


def session_of(person: Person) -> Session:
    """The person's grant. Its tokens are in the store, and never in the browser."""
    return web.session(person.subject, issuer=person.issuer, organization=person.organization)


async def home(request: Request) -> Response:
    """GET /: the leads of who is looking."""
    return await show(visits.find(request))


async def show(visit: Visit, problem: Exception | None = None) -> Response:
    """The page, with what went wrong."""
    if visit.person is None:
        return pages.page("welcome.html", problem=problem)
    leads = None
    try:
        leads = await list_leads(session_of(visit.person))
    except GrantlineError as now:
        problem = problem or now
    told = None if problem is None else explain(problem, visit.person)
    return pages.page("leads.html", 400 if told else 200, visit=visit, leads=leads, told=told)


def explain(problem: Exception, person: Person) -> dict[str, str]:
    """What happened, what to do, and the button that does it."""
    match problem:
        case ScopeMissing():
            return {"what": "Lead Desk may look at your leads, and not change them.",
                    "fix": "What you typed is kept. Allow adding and changing, and go on here.",
                    "button": "Allow changes", "href": "/login?more=yes"}  # fmt: skip
        case ReconnectRequired():
            return {"what": "Lead Desk has no access to your leads any more.",
                    "fix": f"It was taken back, or it ended. Connect {person.email} again to go on.",
                    "button": "Reconnect", "href": f"/login?who={person.email}"}  # fmt: skip
        case GrantlineError():
            return {"what": problem.what, "fix": problem.hint, "button": "Try again", "href": "/"}
        case _:
            return {"what": "The CRM did not take it.", "fix": str(problem), "button": "", "href": ""}


async def start(request: Request) -> Response:
    """GET /login: to the sign-in at Grantline. `more` asks for the right to change leads too, `another` for
    somebody else, and `who` is the address to begin with."""
    query = request.query_params
    more = (CREATE, UPDATE) if "more" in query else ()
    prompt = "select_account" if "another" in query else ""
    try:
        return await login.login(
            request, scope=(*BASIC, *more), login_hint=query.get("who", ""), prompt=prompt
        )
    except GrantlineError as problem:
        return pages.page("welcome.html", 503, problem=problem)


async def callback(request: Request) -> Response:
    """GET /callback: back from Grantline. The library checks the answer and exchanges the code."""
    try:
        done, response = await login.callback(request)
    except GrantlineError as problem:
        return login.refused(request, pages.page("welcome.html", 400, problem=problem))
    who = done.identity
    person = Person(who.issuer, who.subject, who.organization, who.name or who.email, who.email)
    visits.sign_in(request, response, person)
    return response


async def change(request: Request) -> Response:
    """POST /leads: a new lead, or another status of one."""
    visit, form = visits.find(request), await request.form()
    if visit.person is None or not is_ours(visit, form.get("form_token")):
        return RedirectResponse("/", 303)
    session = session_of(visit.person)
    try:
        if "id" in form:
            await set_status(session, str(form["id"]), str(form["Lead_Status"]))
        else:
            visit.draft = {name: str(form.get(name, "")) for name in NEW}
            await add_lead(session, {**visit.draft, "Lead_Status": STATUSES[0]})
            visit.draft = {}
    except (GrantlineError, Refused) as problem:
        return await show(visit, problem)
    return RedirectResponse("/", 303)


async def account(request: Request) -> Response:
    """POST /account: another person looks, or everybody leaves, or the access is given back."""
    visit, form = visits.find(request), await request.form()
    response = RedirectResponse("/", 303)
    if visit.person is None or not is_ours(visit, form.get("form_token")):
        return response
    match form.get("do"):
        case "sign out":
            visits.sign_out(request, response)
        case "disconnect":
            try:
                await session_of(visit.person).arevoke()
            except GrantlineError as problem:
                return await show(visit, problem)
            del visit.people[visit.current]
            visit.current = next(iter(visit.people), "")
        case id if id in visit.people:
            visit.current, visit.draft = str(id), {}
    return response


serve("Lead Desk", site("lead_desk", [
    Route("/", home),
    Route("/login", start),
    Route("/callback", callback),
    Route("/leads", change, methods=["POST"]),
    Route("/account", account, methods=["POST"]),
], style_src=f"{config['issuer']}/sdk/login-button.css"), port)  # fmt: skip
