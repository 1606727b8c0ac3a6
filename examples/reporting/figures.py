"""The leads of the CRM, counted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from examples.crm import read_all


@dataclass
class Figures:
    """How many leads there are, by each of three ways to look at them."""

    total: int = 0
    by: Mapping[str, Counter[str]] = field(
        default_factory=lambda: {"Source": Counter(), "Owner": Counter(), "Month": Counter()}
    )

    def count(self, lead: Mapping[str, Any]) -> None:
        """One more."""
        self.total += 1
        self.by["Source"][lead["Lead_Source"] or "No source"] += 1
        self.by["Owner"][(lead["Owner"] or {}).get("name") or "Nobody"] += 1
        self.by["Month"][lead["Created_Time"][:7]] += 1

    def rows(self, way: str) -> list[tuple[str, int]]:
        """Months in their order, the rest with the most first."""
        counted = self.by[way]
        return sorted(counted.items()) if way == "Month" else counted.most_common()


def count_leads(crm: httpx2.Client) -> Figures:
    """All leads that the token's person sees."""
    figures = Figures()
    for lead in read_all(crm, "Leads", "Lead_Source,Owner,Created_Time"):
        figures.count(lead)
    return figures
