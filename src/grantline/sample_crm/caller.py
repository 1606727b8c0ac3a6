"""Who is calling, as the CRM needs to know it."""

from dataclasses import dataclass

from grantline.resource_server import Token
from grantline.sample_crm.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, as the token says; nothing here ever comes from the request itself.

    `subject` is the person's number, or the client's id when it acts for itself; then `is_person` is false.
    E-mail address and names are there only if the token's scopes let this API know them.
    """

    client_id: str
    subject: str
    is_person: bool
    organization: str
    organization_name: str
    scopes: tuple[str, ...]
    email: str | None = None
    name: str | None = None
    given_name: str | None = None
    family_name: str | None = None


def caller_of(token: Token) -> Caller:
    """The caller behind a token that was checked; Refusal for one of no organization: it has no records."""
    if token.organization is None:
        raise Refusal(403, "NO_PERMISSION", "This access token belongs to no organization.")
    return Caller(
        client_id=token.client_id,
        subject=token.subject,
        is_person=token.is_person,
        organization=token.organization,
        organization_name=token.organization_name or token.organization,
        scopes=token.scopes,
        email=token.email,
        name=token.name,
        given_name=token.given_name,
        family_name=token.family_name,
    )
