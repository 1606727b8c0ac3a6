"""Scope sets: immutable rows holding exact scopes and audience, which access tokens point at (T44).

They are shared by all authorizations and found by their content, so their number grows with the kinds of
requests, not with traffic.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from grantline.db import Database

_MOST_CACHED: Final = 10_000
Asked = tuple[tuple[str, ...], tuple[str, ...]]
"""Scopes, and the resources or the audience that go with them."""


@dataclass(frozen=True, slots=True)
class ScopeSet:
    """Scopes in the catalogue's spelling, and the APIs that the token is for."""

    id: int
    scope: tuple[str, ...]
    audience: tuple[str, ...]


class ScopeSets:
    """The scope sets of one data center; what was seen lately stays in memory, since a row never changes."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._by_id: OrderedDict[int, ScopeSet] = OrderedDict()
        self._by_content: OrderedDict[Asked, ScopeSet] = OrderedDict()
        self._catalog: object = None
        self._by_asked: dict[Asked, ScopeSet] = {}

    def find_asked(self, catalog: object, asked: Asked) -> ScopeSet | None:
        """The set that these scopes and resources led to by this catalogue, if that was seen lately."""
        return self._by_asked.get(asked) if catalog is self._catalog else None

    def keep_asked(self, catalog: object, asked: Asked, found: ScopeSet) -> None:
        """Remember what they led to; another catalogue starts anew."""
        if catalog is not self._catalog or len(self._by_asked) >= _MOST_CACHED:
            self._catalog, self._by_asked = catalog, {}
        self._by_asked[asked] = found

    async def get(self, scope: tuple[str, ...], audience: tuple[str, ...]) -> ScopeSet:
        """The set of this content, made if it is new."""
        known = self._by_content.get((scope, audience))
        if known is not None:
            return known
        scope_text, audience_text = " ".join(scope), " ".join(audience)
        content = hashlib.sha256(f"{scope_text}\n{audience_text}".encode()).digest()
        row = await self._db.one("SELECT id FROM scope_sets WHERE digest = $1", content)
        if row is None:
            row = await self._db.one(
                "INSERT INTO scope_sets (digest, scope, audience) VALUES ($1, $2, $3)"
                " ON CONFLICT (digest) DO UPDATE SET scope = excluded.scope RETURNING id",
                content,
                scope_text,
                audience_text,
            )
        assert row is not None
        return self._remember(ScopeSet(row[0], scope, audience))

    async def find(self, scope_set_id: int) -> ScopeSet | None:
        """The set of this number."""
        known = self._by_id.get(scope_set_id)
        if known is not None:
            return known
        row = await self._db.one("SELECT scope, audience FROM scope_sets WHERE id = $1", scope_set_id)
        if row is None:
            return None
        return self._remember(ScopeSet(scope_set_id, tuple(row[0].split()), tuple(row[1].split())))

    def _remember(self, found: ScopeSet) -> ScopeSet:
        self._by_id[found.id] = found
        self._by_content[found.scope, found.audience] = found
        if len(self._by_id) > _MOST_CACHED:
            oldest = self._by_id.popitem(last=False)[1]
            self._by_content.pop((oldest.scope, oldest.audience), None)
        return found
