"""What a sign-in page says of the other data centers: which of them can be gone to, and where each would go
on. It is told from the app and from what this browser chose before, never from an address that somebody
typed (T115)."""

from dataclasses import dataclass, replace
from typing import Final

from grantline.authorize import PendingFlow, carried_query
from grantline.clients import Client, find_client, works_in
from grantline.datacenters import DataCenter
from grantline.tokens import find_by_user_code, hash_user_code
from grantline.web.visit import Visit, form_target

_PAGES: Final = ("/account", "/device")
"""Pages that every data center has at the same address."""


@dataclass(frozen=True, slots=True)
class Offers:
    """The other data centers, as one sign-in page offers them."""

    home: str
    """Name of the data center that this page signs in to."""
    centers: tuple[DataCenter, ...] = ()
    """Where the person can go on."""
    chosen: DataCenter | None = None
    """The one of them that was chosen last in this browser; it is not among `centers` again."""
    missing: tuple[str, ...] = ()
    """Names of those where what waits here can't go on."""
    app: str = ""
    """Name of the app, if it is because of the app that it can't."""
    sources: str = ""
    """What `form-action` must name, so that the browser may go there."""

    def __bool__(self) -> bool:
        return bool(self.centers or self.chosen or self.missing)

    def together(self) -> "Offers":
        """The same with the one that was chosen last as the first among the others."""
        if self.chosen is None:
            return self
        return replace(self, centers=(self.chosen, *self.centers), chosen=None)

    def find(self, code: str) -> DataCenter | None:
        """The one of this code, if it is offered."""
        everyone = (*self.centers, self.chosen) if self.chosen is not None else self.centers
        return {center.code: center for center in everyone}.get(code)


async def find_offers(visit: Visit, flow: PendingFlow | None, client: Client | None) -> Offers:
    """What the sign-in page for this flow (None: by itself) of this app offers."""
    centers = visit.server.mint.data_centers
    if not centers.others:
        return Offers(centers.home.name)
    if flow is not None and flow.kind == "device":
        client = await _client_of_device(visit, flow)
    here = tuple(one for one in centers.others if _goes_on_at(one, flow, client))
    chosen = {one.code: one for one in here}.get(visit.chosen_data_center)
    addresses = [address for one in here for address in (one.issuer, address_at(one, flow))]
    return Offers(
        home=centers.home.name,
        centers=tuple(one for one in here if one is not chosen),
        chosen=chosen,
        missing=tuple(one.name for one in centers.others if one not in here and client is not None),
        app=client.name if client is not None and _fits(flow) else "",
        sources=" ".join(dict.fromkeys(form_target(address) for address in addresses)),
    )


def _goes_on_at(center: DataCenter, flow: PendingFlow | None, client: Client | None) -> bool:
    """Whether what waits in this flow can go on in that data center."""
    if flow is None or flow.kind not in ("authorize", "device"):
        return True
    return client is not None and client.enabled and works_in(client, center.code) and _fits(flow)


def _fits(flow: PendingFlow | None) -> bool:
    """Whether a request, if this is one, is short enough for an address."""
    return flow is None or flow.kind != "authorize" or bool(carried_query(flow.request))


async def _client_of_device(visit: Visit, flow: PendingFlow) -> Client | None:
    """A device's app is known by the code that was entered."""
    server = visit.server
    hashed = hash_user_code(server.mint.keyring, flow.request)
    code = await find_by_user_code(server.db, hashed, visit.now)
    return await find_client(server.db, code.client_id) if code is not None else None


def address_at(center: DataCenter, flow: PendingFlow | None) -> str:
    """Where a flow goes on in another data center: an address out of the registry, and nothing typed."""
    if flow is not None and flow.kind == "authorize":
        return f"{center.issuer}/oauth/v2/auth?{carried_query(flow.request)}"
    path = flow.request if flow is not None and flow.kind == "page" else ""
    if path.startswith("/console"):
        return center.console
    return center.issuer + next((page for page in _PAGES if path.startswith(page)), "/signin")
