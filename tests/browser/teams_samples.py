"""Sample contexts of the team's pages and the audit."""

from collections.abc import Iterator
from typing import Any

from tests.browser.console_samples import FRAME
from tests.browser.samples import CLIENT_ID, DEVELOPER, NOW, PAGE, Sample

ROLES = [
    {
        "value": value,
        "word": word,
        "hint": hint,
        "chosen": value == "developer",
    }
    for value, word, hint in (
        (
            "owner",
            "Owner",
            "Everything a developer may, and decides who is in the workspace; deletes and moves apps.",
        ),
        (
            "developer",
            "Developer",
            "Adds and changes apps, makes secrets and codes, and sees everything about them.",
        ),
        ("viewer", "Viewer", "Sees apps, what they do and what was changed. Changes nothing."),
    )
]
PERSONAL = {**FRAME["workspace"], "id": 7, "name": "Mara Lindqvist", "personal": True}
LINK = "https://accounts.eu.example.com/console/invitations/Zt0Uo8n3bq7JXW5yM1sVhC9kRaQf2LdE6gPxTiBwY4o"


def member(name: str, email: str, role: str, clients: int, *, you: bool = False) -> dict[str, Any]:
    return {
        "account_id": 1_000_000_000_007,
        "name": name,
        "email": email,
        "role": role,
        "joined_at": NOW - 9_000_000,
        "clients": clients,
        "you": you,
    }


MEMBERS = [
    member("Mara Lindqvist", "mara@northgate.example.com", "Owner", 4, you=True),
    member("Tomás Ibarra", "tomas.ibarra@northgate.example.com", "Developer", 1),
    member("Ines Falkenrath-Vandenberghe", "ines@partner-with-a-long-name.example.org", "Viewer", 0),
]
INVITED = [
    {
        "id": "inv_1",
        "email": "jonas@northgate.example.com",
        "role": "Developer",
        "until_at": NOW + 500_000,
        "mailed_at": NOW,
    },
    {
        "id": "inv_2",
        "email": "li@northgate.example.com",
        "role": "Viewer",
        "until_at": NOW + 90_000,
        "mailed_at": None,
    },
]
TEAM: dict[str, Any] = {
    "members": MEMBERS,
    "invitations": INVITED,
    "roles": ROLES,
    "form": {"email": "", "name": "Northgate Tools"},
    "problems": {},
    "done": "",
    "sends": True,
    "keeps": False,
    "tokens": {"invite": "t", "invited": "t", "rename": "t"},
}


def event(words: str, person: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "q3ZlN5pXo0wYtR1s",
        "at": NOW - 4_000,
        "words": words,
        "fields": "",
        "person": person,
        "only_person": "/console/audit?person=7",
        "client_id": CLIENT_ID,
        "client": "Lead Desk",
        "only_client": f"/console/audit?client={CLIENT_ID}",
        "network": "192.0.2.0/24",
        "changed": [],
        **more,
    }


EVENTS = [
    event(
        "Changed the client",
        "Tomás Ibarra",
        fields="Redirect URIs, Homepage",
        changed=[
            {
                "field": "Redirect URIs",
                "went": ["https://leaddesk.northgate.example.com/callback/"],
                "came": ["https://leaddesk.northgate.example.com/callback", "http://127.0.0.1:8704/callback"],
                "both": True,
            },
            {
                "field": "Homepage",
                "went": ["http://northgate.example.com"],
                "came": ["https://northgate.example.com"],
                "both": True,
            },
        ],
    ),
    event(
        "Reset the secrets",
        "Mara Lindqvist",
        changed=[{"field": "Secrets", "went": ["sec_4KQ1", "sec_9Zp2"], "came": ["sec_7Tn5"], "both": True}],
    ),
    event(
        "Invited a person",
        "Mara Lindqvist",
        client_id="",
        client="",
        only_client="",
        changed=[{"field": "Person", "went": [], "came": ["jonas@northgate.example.com"], "both": False}],
    ),
    event("Switched the client off", "An operator, on the command line", only_person="", network=""),
]
AUDIT: dict[str, Any] = {
    "events": EVENTS,
    "asked": {"client": "", "kind": "", "person": ""},
    "filtered": False,
    "later": False,
    "first": "/console/audit",
    "older": "/console/audit?before=1.x",
    "kinds": [
        {"value": "client.updated", "words": "Changed the client"},
        {"value": "member.left", "words": "Left the workspace"},
    ],
    "people": [{"value": "7", "words": "Mara Lindqvist"}],
}


def teams() -> Iterator[Sample]:
    def sample(sample_name: str, template: str, /, **context: object) -> Sample:
        return Sample(
            sample_name,
            f"console/{template}.html",
            {"page": PAGE, "person": DEVELOPER, **FRAME, **context},
            scripts=True,
        )

    yield sample("team", "team", **TEAM)
    refused = {
        "email": "Write the address as name@example.com; before the @ only plain letters, digits and . _ + -."
    }
    yield sample(
        "team-problem",
        "team",
        **{**TEAM, "problems": refused, "form": {"email": "jonas", "name": "Northgate Tools"}},
    )
    alone = {
        **TEAM,
        "members": MEMBERS[:1],
        "invitations": [],
        "sends": False,
        "done": "You left the workspace. This is your own.",
    }
    yield sample("team-alone", "team", workspace=PERSONAL, **alone)
    yield sample(
        "team-member",
        "team_member",
        member=MEMBERS[1],
        roles=ROLES,
        problem="",
        tokens={"role": "t", "remove": "t"},
    )
    yield sample(
        "team-leave",
        "team_leave",
        clients=4,
        successor="Tomás Ibarra",
        last_owner=True,
        problem="",
        token="t",
    )
    yield sample(
        "workspace-new",
        "workspace_new",
        name="Grant1ine",
        problem="This name looks like Grantline's own. Choose a name that is yours.",
        token="t",
    )
    shown = {
        "email": "jonas@northgate.example.com",
        "role": "Developer",
        "until_at": NOW + 600_000,
        "link": LINK,
    }
    yield sample("invitation-link", "invitation_link", **shown, problem="The mail server can’t be reached.")
    invitation = {
        "problem": "",
        "masked": "j…@n….com",
        "name": "Northgate Tools",
        "role": "Developer",
        "until_at": NOW + 600_000,
        "path": "/console/invitations/x",
        "token": "t",
    }
    yield sample("invitation", "invitation", workspace=PERSONAL, state="yours", **invitation)
    yield sample("invitation-other", "invitation", workspace=PERSONAL, state="other", **invitation)
    lines = [
        {
            "text": "mara@northgate.example.com invited you to the workspace “Northgate Tools”"
            " on accounts.eu.example.com, as developer.",
            "href": "",
        },
        {"text": LINK, "href": LINK},
    ]
    letter = {
        "to": "jonas@northgate.example.com",
        "subject": "Invitation to the workspace “Northgate Tools”",
        "at": "Sun, 22 Nov 2026 06:12:00 +0000",
        "lines": lines,
    }
    yield sample("mails", "mails", mails=[letter, letter])
    yield sample("mails-none", "mails", mails=[])
    yield sample("audit", "audit", **AUDIT)
    none = {
        **AUDIT,
        "events": [],
        "older": "",
        "filtered": True,
        "asked": {"client": CLIENT_ID, "kind": "member.left", "person": ""},
    }
    yield sample("audit-none", "audit", **none)
    yield Sample(
        "mail-message",
        "mail/message.html",
        {
            "subject": "Invitation to the workspace “Northgate Tools”",
            "before": (lines[0]["text"],),
            "link": LINK,
            "after": ("It works once.",),
        },
    )
