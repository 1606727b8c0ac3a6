"""What a renewal brought is stored, whatever it takes: a refresh token that is new is in no other place yet.

A store that fails is tried again. If it goes on failing, the record stays in this process, and the next
renewal here stores it before it asks the server: by then the old refresh token may be one that ends the
grant.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

from grantline.sdk.effects import Flow, Get, Put, Sleep
from grantline.sdk.errors import ReconnectRequired, StoreRefused
from grantline.sdk.record import Record, Secret

T = TypeVar("T")
PAUSES: Final = (0.2, 1.0, 3.0)
_LEFT: Final[dict[str, Record]] = {}
"""Records that a store did not take, by key."""


def save(record: Record, used: Secret | None) -> Flow[Record | None]:
    """Store what the server gave for the refresh token `used`; the record as it is there. None when somebody
    renewed meanwhile, or connected anew: theirs is the one that goes on. Raises StoreRefused, and
    ReconnectRequired when the grant was taken away meanwhile."""
    try:
        return (yield from persistently(lambda: _put(record, used)))
    except StoreRefused:
        _LEFT[record.key.text] = record
        raise


def persistently(attempt: Callable[[], Flow[T]]) -> Flow[T]:
    """The end of the flow, which is tried again when the store refuses. Raises StoreRefused at last."""
    for pause in PAUSES:
        try:
            return (yield from attempt())
        except StoreRefused:
            yield Sleep(pause)
    return (yield from attempt())


def put_what_is_left(key: str) -> Flow[bool]:
    """Store what was not taken before, unless somebody has written since; whether it was stored."""
    record = _LEFT.get(key)
    if record is None:
        return False
    done: bool = yield Put(key, record, record.version)
    _LEFT.pop(key, None)
    return done


def _put(record: Record, used: Secret | None) -> Flow[Record | None]:
    key = record.key.text
    while not (yield Put(key, record, record.version)):
        present: Record | None = yield Get(key)
        if present is None and used is not None:
            raise ReconnectRequired("The grant was taken away while it was renewed.")
        if present is not None and not _is_same(present.refresh_token, used):
            return None
        before = present if present is not None else Record(record.key)
        tokens = before.with_token(record.access_tokens[-1]).access_tokens
        record = replace(record, version=before.version, access_tokens=tokens)
    return replace(record, version=record.version + 1)


def _is_same(one: Secret | None, other: Secret | None) -> bool:
    return one.says(other) if one is not None and other is not None else one is other
