"""What the owner of an API declares: its scopes with a sentence each, and the tokens that it takes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeclaredScope:
    """One scope of an API, as people are asked for it."""

    name: str
    """Prefix, resource and operation: `Billing.invoices.READ`."""
    sentence: str
    sensitivity: int
    """5 (everything) to 1; consent shows the highest first."""
    for_apps: bool = True
    """False: belongs to a person, never to an app that acts as itself."""
    shows_person: bool = False
    """The API may be told the person's name and e-mail address."""
    shown_since: int = 0
    """Since when it may."""
    meant_since: int = 0
    """Since when it means what it means now: whoever allowed it earlier is asked again."""


@dataclass(frozen=True, slots=True)
class DeclaredApi:
    """A registered API, as the catalogue needs it."""

    identifier: str
    prefix: str
    name: str
    scopes: tuple[DeclaredScope, ...] = ()
    """Empty: the prefix as a whole, with every operation."""
    algorithm: str = ""
    """Of its access tokens, where they are JWTs (RFC 9068): ES256 or RS256. Empty: opaque ones."""
    token_seconds: int = 0
    """Life of its access tokens; 0: as the data center's."""
    origins_policy: str = "registered"
    """Which web pages may call it: `registered` by their app, `none`, or `any`."""
