"""The life of grants as a model: what must work at any moment, in a few plain rules, beside the real site."""

from dataclasses import dataclass, field

ACCESS_SECONDS = 3600
LIVE = 15
MOST_REFRESH = 20
LOST_ANSWER = 60
SAME_REQUEST = 10
DAY = 24 * 3600


@dataclass(eq=False)
class Token:
    """An access token: dead when its grant, its own end or its window says so."""

    text: str
    sequence: int
    expires_at: int
    ended: bool = False


@dataclass(eq=False)
class Grant:
    """What an app holds: one refresh token with its access tokens, or the shared row without one."""

    app: str
    personal: bool
    """It is a person's, and dies with their account."""
    made_at: int
    used_at: int
    refresh: str | None = None
    older: list[str] = field(default_factory=list)
    answer: tuple[str, str] | None = None
    """The last rotation's answer, while it may be asked for again."""
    rotated_at: int = 0
    sequence: int = 0
    tokens: list[Token] = field(default_factory=list)
    dead: bool = False

    @property
    def rotates(self) -> bool:
        return self.app in ("client-based", "mobile")

    def take(self, text: str, now: int) -> Token:
        """One more access token."""
        self.sequence += 1
        token = Token(text, self.sequence, now + ACCESS_SECONDS)
        self.tokens.append(token)
        return token

    def in_time(self, now: int) -> bool:
        """Whether its refresh token may still be used by the clock."""
        idle = {"client-based": DAY, "mobile": 30 * DAY}.get(self.app)
        whole = {"client-based": 14 * DAY}.get(self.app)
        return (idle is None or now < self.used_at + idle) and (whole is None or now < self.made_at + whole)


@dataclass(eq=False)
class Code:
    """An authorization code."""

    text: str
    app: str
    offline: bool
    expires_at: int
    spent_at: int | None = None
    grant: Grant | None = None
    token: Token | None = None


@dataclass
class World:
    """All that is, and whether it works."""

    account_on: bool = True
    apps_off: set[str] = field(default_factory=set)
    consented: set[str] = field(default_factory=set)
    grants: list[Grant] = field(default_factory=list)
    codes: list[Code] = field(default_factory=list)

    def works(self, grant: Grant, token: Token, now: int) -> bool:
        """The whole rule, on one screen."""
        if grant.dead or token.ended or now >= token.expires_at or grant.app in self.apps_off:
            return False
        if grant.personal and not self.account_on:
            return False
        return grant.refresh is None or token.sequence > grant.sequence - LIVE

    def refreshes(self, grant: Grant, now: int) -> bool:
        """Whether its present refresh token gives an answer."""
        return self.account_on and not grant.dead and grant.in_time(now)

    def shared(self, app: str, *, personal: bool, kind: str) -> Grant | None:
        """The live row for tokens without a refresh token."""
        for grant in self.grants:
            if grant.app == app and grant.refresh is None and not grant.dead and grant.answer == (kind, ""):
                return grant
        return None

    def make_room(self, app: str) -> None:
        """The twenty-first refresh token ends the oldest."""
        held = [grant for grant in self.grants if grant.app == app and grant.refresh and not grant.dead]
        for oldest in held[: max(0, len(held) - MOST_REFRESH + 1)]:
            oldest.dead = True
