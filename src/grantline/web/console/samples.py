"""The seven samples as one table: what each shows, and what is registered for it (R89–R95, R97).

Each is a folder below `examples/` and runs on the machine of whoever tries it. `./examples/run NAME` starts
it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from grantline.clients import CLIENT_TYPES, ClientType, Registration
from grantline.web.languages import mark

BASE_PORT: Final = 8700
"""The first port of a demo. Samples are counted from it, also where the server is elsewhere."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample. `{address}` in an address stands for where it runs."""

    name: str
    title: str
    shows: str
    does: tuple[str, str, str]
    type_name: str
    asked: Registration
    port: int = 0
    """Counted from the base port; 0 for one that does not listen."""
    redirect_path: str = ""
    """The one of its redirect URIs that it uses, below its address."""
    everywhere: bool = False
    """Whether it also works for the people of other data centers."""

    @property
    def kind(self) -> ClientType:
        """The type of its client."""
        return CLIENT_TYPES[self.type_name]

    @property
    def command(self) -> str:
        """What starts it."""
        return f"./examples/run {self.name}"

    def address(self, base_port: int) -> str:
        """Where it runs; empty for one that does not listen."""
        return f"http://127.0.0.1:{base_port + self.port}" if self.port else ""

    def registration(self, base_port: int, data_centers: Sequence[str] = ()) -> Registration:
        """What is registered for it. `data_centers`: all that there are."""
        address = self.address(base_port)

        def placed(addresses: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(one.format(address=address) for one in addresses)

        return replace(
            self.asked,
            homepage_url=address if self.kind.needs_homepage else "",
            redirect_uris=placed(self.asked.redirect_uris),
            origins=placed(self.asked.origins),
            data_centers=tuple(data_centers) if self.everywhere else (),
        )

    def redirect_uri(self, base_port: int) -> str:
        """The redirect URI that it uses, if its type has one. A native app takes any free port."""
        if not self.redirect_path:
            return ""
        here = "http://127.0.0.1" if self.kind.redirect_uris == "native" else self.address(base_port)
        return f"{here}{self.redirect_path}"


_PERSON: Final = ("openid", "email", "profile")


def _of(module: str, *verbs: str) -> tuple[str, ...]:
    return tuple(f"CRM.modules.{module}.{verb}" for verb in verbs)


SAMPLES: Final = MappingProxyType(
    {
        sample.name: sample
        for sample in (
            Sample(
                "data_sync",
                mark("Data sync"),
                mark("Brings the products of an old system into the CRM, night after night."),
                (
                    mark("It reads what changed since its last run out of a legacy SQLite database."),
                    mark("It sends that to the CRM in batches, and goes on where it was if it is stopped."),
                    mark("It ends with a table of what was sent, and of rows that were skipped and why."),
                ),
                "self-client",
                Registration(
                    name="Self client",
                    scopes=_of("products", "READ", "CREATE", "UPDATE"),
                ),
            ),
            Sample(
                "lead_desk",
                mark("Lead desk"),
                mark("A web app in which several people work with their leads."),
                (
                    mark("People sign in with the button, also several in one browser."),
                    mark("Each sees the leads of their own organization, from their own data center."),
                    mark("When somebody takes the access away, it says so and offers to connect again."),
                ),
                "server-based",
                Registration(
                    name="Lead Desk Sample",
                    redirect_uris=("{address}/callback",),
                    scopes=(*_PERSON, *_of("leads", "READ", "CREATE", "UPDATE")),
                ),
                port=4,
                redirect_path="/callback",
                everywhere=True,
            ),
            Sample(
                "smart_tv",
                mark("Smart TV"),
                mark("A screen without a keyboard that shows today’s leads."),
                (
                    mark("It shows a short code, which a person enters on a phone or a computer."),
                    mark("It waits meanwhile, and says so when the code was denied or ran out."),
                    mark("Then it shows the leads on a dashboard for ten feet away."),
                ),
                "non-browser",
                Registration(name="Lead TV Sample", scopes=_of("leads", "READ")),
                port=5,
                everywhere=True,
            ),
            Sample(
                "browser_app",
                mark("Browser app"),
                mark("A page without a server of its own that shows leads."),
                (
                    mark("It signs people in with code and PKCE, or with the implicit flow: a switch says."),
                    mark("Tokens stay in the page’s memory, and are renewed before they run out."),
                    mark("It uses the browser module that Grantline serves."),
                ),
                "client-based",
                Registration(
                    name="Lead Board Sample",
                    redirect_uris=("{address}/callback", "{address}/silent"),
                    origins=("{address}",),
                    implicit=True,
                    scopes=(*_PERSON, *_of("leads", "READ")),
                ),
                port=6,
                redirect_path="/callback",
                everywhere=True,
            ),
            Sample(
                "mobile_app",
                mark("Mobile app"),
                mark("An app for phones that shows contacts, in a page the size of a phone."),
                (
                    mark("It opens the system browser for the sign-in, with PKCE."),
                    mark("The answer comes back to a loopback address, or to a custom scheme on a phone."),
                    mark("Its tokens are kept sealed, and it works on after a restart."),
                ),
                "mobile",
                Registration(
                    name="Lead Pocket Sample",
                    redirect_uris=("com.example.leadpocket:/callback", "http://127.0.0.1/callback"),
                    scopes=(*_PERSON, *_of("contacts", "READ")),
                ),
                port=7,
                redirect_path="/callback",
                everywhere=True,
            ),
            Sample(
                "reporting",
                mark("Internal reporting"),
                mark("A chart of your leads by source, owner and month, without any sign-in page."),
                (
                    mark("It reads all leads that your own account sees."),
                    mark("It draws them into a page with a chart and a table, and into the terminal."),
                    mark("The next run needs no code: its tokens are kept and renewed."),
                ),
                "self-client",
                Registration(name="Self client", scopes=(*_of("leads", "READ"), "CRM.users.READ")),
                port=8,
            ),
            Sample(
                "accounting_sync",
                mark("Accounting sync"),
                mark("Keeps the invoices of a ledger and of the CRM alike, payments included."),
                (
                    mark("A bookkeeper signs in once; after that it runs on its own."),
                    mark("It keeps the invoices of a ledger file and of the CRM alike, in both directions."),
                    mark(
                        "What the bank has seen is marked as paid, and the totals of both sides must agree."
                    ),
                ),
                "server-based",
                Registration(
                    name="Accounting Sync Sample",
                    redirect_uris=("{address}/callback",),
                    scopes=(*_PERSON, *_of("invoices", "READ", "CREATE", "UPDATE")),
                ),
                port=9,
                redirect_path="/callback",
            ),
        )
    }
)
