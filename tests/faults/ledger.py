"""What a server acknowledged, and what must therefore be so, whatever broke meanwhile."""

from collections import Counter
from dataclasses import dataclass, field

from tests.site import App


@dataclass(eq=False)
class Grant:
    """What an app was told that it holds."""

    app: App
    access: str
    refresh: str
    older: list[str] = field(default_factory=list)
    """The refresh tokens before, the last one at the end; empty where they do not rotate."""

    @property
    def rotates(self) -> bool:
        return self.app.client.type.rotates


@dataclass
class Ledger:
    """The acknowledged facts of one run, and how much of what there was."""

    asked: Counter[str] = field(default_factory=Counter)
    """Requests by outcome: `answered`, `503`, `broken`."""
    done: Counter[str] = field(default_factory=Counter)
    """What was acknowledged, by kind."""
    dead: list[Grant] = field(default_factory=list)
    """Grants whose end was acknowledged."""
    spent: list[tuple[App, str]] = field(default_factory=list)
    """Codes that yielded tokens."""
    ended: int = 0
    """Acknowledged ends that stand in the audit."""

    def end(self, grants: list[Grant], kind: str) -> None:
        """These were acknowledged to be over."""
        self.dead.extend(grants)
        self.done[kind] += 1

    def render(self) -> str:
        """The counts on one line."""
        asked = ", ".join(f"{count} {what}" for what, count in sorted(self.asked.items()))
        done = ", ".join(f"{count} {what}" for what, count in sorted(self.done.items()))
        return f"{self.asked.total()} requests ({asked}); acknowledged: {done}"
