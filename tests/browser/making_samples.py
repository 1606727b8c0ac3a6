"""Sample contexts of the pages that add a client and change what it is."""

from collections.abc import Iterator
from typing import Any

from grantline.scopes import Catalog
from grantline.web.console.client_form import Notes
from grantline.web.console.scope_table import scope_tables
from grantline.web.console.type_flows import render_flow
from grantline.web.console.type_words import QUESTIONS, TYPE_WORDS, type_cards
from tests.browser.console_samples import ALL_FIELDS, FORM, FRAME
from tests.browser.samples import APP, COULD_NOT, DEVELOPER, GROUPS, NOW, PAGE, SCOPES, Sample
from tests.browser.seeing_samples import CLIENT

HTTP = "Line 2: It uses http, which anyone on the way can read. Use https."
THERE = "Line 2: https://billing.dockside.example.com/oauth/return stands on line 1 already: this one can go."
LOOPBACK = "Line 3: This is the same computer (loopback), with exactly port 5000."
NOTES = {
    "redirect_uris": Notes([HTTP], [THERE, LOOPBACK]),
    "origins": Notes((), ()),
    "post_logout_redirect_uris": Notes((), ()),
}
QUIET = {name: Notes() for name in NOTES}
PREVIEW: dict[str, Any] = {
    "app": {**APP, "policy": APP["homepage"], "terms": APP["homepage"], "logo": ""},
    "person": {**DEVELOPER, "organization": "Personal organization"},
    "purpose": "work with your CRM data",
    "groups": GROUPS,
    "scopes": SCOPES,
    "could_not": COULD_NOT,
    "return_host": "leaddesk.northgate.example.com",
    "example": True,
    "asks": True,
}
MANIFEST = (
    "type: server-based\nname: Lead Desk\nhomepage_url: https://leaddesk.northgate.example.com\n"
    "redirect_uris:\n  - https://leaddesk.northgate.example.com/callback\nscopes:\n"
    "  - CRM.modules.leads.READ\n"
)


def _questions(**answers: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "words": words,
            "choices": [{"value": value, "words": choice} for value, choice in choices],
            "answer": answers.get(name, ""),
        }
        for name, (words, choices) in QUESTIONS.items()
    ]


def _details(kind: str, title: str, who: str, **context: Any) -> dict[str, Any]:
    return {
        "type": {"value": kind, "title": title, "who": who},
        "receives": TYPE_WORDS[kind].receives,
        "absent": TYPE_WORDS[kind].absent,
        "flow": render_flow(kind),
        "preview": PREVIEW,
        "problem": "",
        "problems": {},
        "notes": QUIET,
        "manifest": "",
        "extras": [],
        "creation_key": "new_8Jd2Qm",
        "token": "b2f7c1",
        "form": {**FORM, "policy_url": "", "terms_url": ""},
        **context,
    }


def making() -> Iterator[Sample]:
    """Every page of this area, some in several states."""

    def sample(name: str, template: str, *, inside: bool = False, **context: Any) -> Sample:
        frame = {**FRAME, "client": CLIENT} if inside else FRAME
        shown = {"page": PAGE, "person": DEVELOPER, **frame, **context}
        return Sample(name, f"{'' if '/' in template else 'console/'}{template}.html", shown, scripts=True)

    types = type_cards()
    yield sample(
        "add-type",
        "add_type",
        types=types,
        questions=_questions(data="others", browser="web", secret="yes"),
        chosen="",
        fits="server-based",
        problem="",
    )
    problem = "Choose one of the five."
    yield sample(
        "add-type-problem",
        "add_type",
        types=types,
        questions=_questions(),
        chosen="",
        fits="",
        problem=problem,
    )
    server = ("server-based", "Server-based", "A web app with its own server, used by many people.")
    refused = {"problems": {"redirect_uris": HTTP}, "notes": NOTES}
    extras = [{"key": "policy_url", "value": APP["homepage"]}]
    more = {"manifest": MANIFEST, "extras": extras}
    yield sample("add-details", "add_details", fields=ALL_FIELDS[:3], **_details(*server, **refused, **more))
    browser = ("client-based", "Client-based", "A page that runs wholly in the browser.")
    yield sample("add-details-browser", "add_details", fields=ALL_FIELDS, **_details(*browser))
    alone = ("self-client", "Self client", "A script or job of yours that works with your own data only.")
    preview = {"preview": {**PREVIEW, "asks": False}}
    yield sample("add-details-self", "add_details", fields=[], **_details(*alone, **preview))
    yield sample(
        "add-manifest",
        "add_manifest",
        form={"manifest": MANIFEST},
        problem="There is no key owner.",
        token="b2f7c1",
    )
    twin = {"client_id": CLIENT["client_id"], "name": "Lead Desk", "created_at": NOW}
    kept = {"token": "b2f7c1", "name": "Lead Desk"}
    yield sample("add-again", "add_again", twin=twin, action="/console/clients/new/server-based", kept=kept)
    facts = [{"label": "Needs", "value": "A redirect URI on your server."}]
    others = [{"value": "mobile", "title": "Mobile"}]
    guide = {
        "type": {"value": server[0], "title": server[1], "who": server[2]},
        "facts": facts,
        "others": others,
    }
    yield sample(
        "guide",
        "reference/guide",
        **guide,
        flow=render_flow("server-based"),
        absent=TYPE_WORDS["mobile"].absent,
    )
    yield sample("add-check", "check", field="redirect_uris", notes=NOTES["redirect_uris"])
    yield sample("add-preview", "preview", preview=PREVIEW)
    yield from _of_client(sample)


def _of_client(sample: Any) -> Iterator[Sample]:
    line = {"name": "India", "state": "done", "sentence": "Confirmed 2 minutes ago"}
    reach = {"lines": [line], "waiting": False, "address": "/console"}
    tokens = dict.fromkeys(("settings", "logo", "manifest", "switch", "transfer", "delete"), "b2f7c1")
    fields = [
        "name",
        "homepage_url",
        "policy_url",
        "terms_url",
        "post_logout_redirect_uris",
        "vendor_compatible",
    ]
    settings = {
        "fields": fields,
        "form": {**FORM, "policy_url": "https://dockside.example.com/privacy", "terms_url": ""},
        "notes": QUIET,
        "logo": "",
        "logo_limits": {"kilobytes": 256, "pixels": 512},
        "manifest": MANIFEST,
        "people": {"count": 12, "more": False},
        "elsewhere": [{"id": 7, "name": "Mara Lindqvist"}],
        "tokens": tokens,
        "reach": None,
    }
    saved = "Saved. It holds from the next request on."
    yield sample(
        "settings", "settings", inside=True, problems={}, done=saved, **(settings | {"reach": reach})
    )
    problems = {
        "name": "This name looks like Grantline's own. Choose a name that is yours.",
        "logo": "The file is no PNG, JPEG or WebP picture. Save it as one of these.",
        "typed_name": "That is not its name. Nothing was deleted.",
    }
    yield sample("settings-problem", "settings", inside=True, problems=problems, done="", **settings)
    viewer = {**FRAME["workspace"], "role": "viewer", "may_change": False, "may_manage": False}
    only = {**settings, "workspace": viewer}
    yield sample("settings-viewer", "settings", inside=True, problems={}, done="", **only)
    uri = "https://leaddesk.northgate.example.com/callback"
    registered = [
        {"uri": uri, "used_at": NOW - 90_000, "test": f"{uri}?error=access_denied"},
        {"uri": "com.example.app:/cb", "used_at": None, "test": "com.example.app:/cb?error=access_denied"},
    ]
    yield sample(
        "redirects",
        "redirects",
        inside=True,
        fields=["origins", "redirect_uris"],
        form=FORM,
        problems={"redirect_uris": HTTP},
        notes=NOTES,
        done="",
        registered=registered,
        type_title="Server-based",
        token="b2f7c1",
    )
    catalog = Catalog(())
    named = ["CRM.modules.leads.READ", "CRM.modules.products.DELETE", "openid"]
    chosen = [
        {"name": name, "sentence": sentence, "sensitivity": reach, "level": level, "used": used}
        for name, sentence, reach, level, used in (
            ("CRM.modules.products.DELETE", "Delete your products", "Edits and deletes", 4, False),
            ("CRM.modules.leads.READ", "See your leads: names, companies, e-mail addresses", "Sees", 1, True),
            ("openid", "Know that it is you who signs in", "Signs in", 0, False),
        )
    ]
    yield sample(
        "scopes-of-client",
        "scopes",
        inside=True,
        form={"scope": ", ".join(named)},
        problems={},
        done="",
        looking=False,
        table=scope_tables(catalog, named),
        chosen=chosen,
        from_tokens=False,
        counts={"requests": 3, "uses": 1},
        preview={**PREVIEW, "example": False},
        token="b2f7c1",
    )
    changes = [
        {"key": "name", "gone": ["Lead Desk"], "new": ["Lead Desk Two"]},
        {"key": "redirect_uris", "gone": [uri], "new": [f"{uri}/", "http://127.0.0.1:5000/callback"]},
    ]
    comparing = {"form": {"manifest": MANIFEST}, "problem": "", "token": "b2f7c1"}
    yield sample("manifest", "manifest", inside=True, compared=True, changes=changes, **comparing)
