"""The three roles in words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from grantline.web.languages import _, mark

_ROLES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "owner": (
            mark("Owner"),
            mark("Everything a developer may, and decides who is in the workspace; deletes and moves apps."),
        ),
        "developer": (
            mark("Developer"),
            mark("Adds and changes apps, makes secrets and codes, and sees everything about them."),
        ),
        "viewer": (mark("Viewer"), mark("Sees apps, what they do and what was changed. Changes nothing.")),
    }
)


def role_word(role: str) -> str:
    """The role's name."""
    return _(_ROLES[role][0]) if role in _ROLES else role


def role_choices(chosen: str) -> list[dict[str, object]]:
    """The roles for a form that asks for one."""
    return [
        {"value": role, "word": _(word), "hint": _(hint), "chosen": role == chosen}
        for role, (word, hint) in _ROLES.items()
    ]
