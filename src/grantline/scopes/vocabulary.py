"""The services whose scopes Grantline knows from the start, as data: resources, their operations, and words
for them."""

from dataclasses import dataclass
from typing import Final

ALL_OPERATIONS: Final = ("ALL", "READ", "WRITE", "CREATE", "UPDATE", "DELETE")


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that an API keeps for people."""

    path: str
    """Between service and operation, as in `modules.leads`; empty for the service as a whole."""
    title: str
    noun: str
    """As it follows "See your …"."""
    detail: str = ""
    """What reading shows, in so many words."""
    operations: tuple[str, ...] = ALL_OPERATIONS
    for_apps: bool = True
    """False: belongs to a person, never to an app that acts as itself."""
    shows_person: bool = False
    """The API may be told the person's name and e-mail address."""


@dataclass(frozen=True, slots=True)
class Service:
    """An API's scopes under one prefix."""

    prefix: str
    title: str
    resources: tuple[Resource, ...]


@dataclass(frozen=True, slots=True)
class OpenIdScope:
    """A scope of OpenID Connect: exact spelling, about the person."""

    name: str
    sentence: str
    claims: tuple[str, ...]


OPENID_SCOPES: Final = (
    OpenIdScope("openid", "Know that it is you who signs in", ("sub",)),
    OpenIdScope("email", "See your e-mail address", ("email", "email_verified")),
    OpenIdScope(
        "profile",
        "See your name and the number of your organization",
        ("name", "given_name", "family_name", "updated_at", "organization"),
    ),
    OpenIdScope("offline_access", "Keep this access while you are away", ()),
)

SERVICES: Final = (
    Service(
        "AaaServer",
        "Account",
        (
            Resource(
                "profile",
                "Profile",
                "profile",
                "name, e-mail address and account number",
                operations=("READ",),
                for_apps=False,
                shows_person=True,
            ),
        ),
    ),
    Service(
        "CRM",
        "CRM",
        (
            Resource("modules", "All records", "records", "leads, contacts, products and invoices"),
            Resource("modules.leads", "Leads", "leads", "names, companies, e-mail addresses, phone numbers"),
            Resource("modules.contacts", "Contacts", "contacts", "names, e-mail addresses, phone numbers"),
            Resource("modules.products", "Products", "products", "names, codes and prices"),
            Resource("modules.invoices", "Invoices", "invoices", "customers, amounts and dates"),
            Resource(
                "modules.ALL", "All records, spelled out", "records", "leads, contacts, products and invoices"
            ),
            Resource("settings", "Settings", "CRM settings"),
            Resource("settings.modules", "Module settings", "list of modules"),
            Resource("settings.fields", "Field settings", "list of fields"),
            Resource("users", "Users", "CRM users", "names and e-mail addresses", shows_person=True),
            Resource("org", "Organization", "organization", "its name and settings"),
            Resource("files", "Files", "files"),
            Resource("bulk", "Bulk jobs", "bulk jobs"),
        ),
    ),
)
