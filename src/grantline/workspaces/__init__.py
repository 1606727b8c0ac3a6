"""Workspaces: who may see and change which apps.

Every app belongs to a workspace, and people have a role in it. Each person has a personal workspace, which
nobody else can join: a self client acts for its owner, so it always stays there. Whose *data* an app reaches
is another matter: organizations and consents, next door.
"""

from grantline.workspaces.personal_tokens import DAYS as TOKEN_DAYS
from grantline.workspaces.personal_tokens import SCOPES as TOKEN_SCOPES
from grantline.workspaces.personal_tokens import (
    PersonalToken,
    PersonalTokenRefused,
    create_personal_token,
    find_bearer,
    list_personal_tokens,
    note_use,
    revoke_personal_token,
)
from grantline.workspaces.workspace import (
    CHANGE,
    MANAGE,
    ROLES,
    VIEW,
    Membership,
    Right,
    ensure_personal_workspace,
    find_membership,
    list_memberships,
)

__all__ = [
    "CHANGE",
    "MANAGE",
    "ROLES",
    "TOKEN_DAYS",
    "TOKEN_SCOPES",
    "VIEW",
    "Membership",
    "PersonalToken",
    "PersonalTokenRefused",
    "Right",
    "create_personal_token",
    "ensure_personal_workspace",
    "find_bearer",
    "find_membership",
    "list_memberships",
    "list_personal_tokens",
    "note_use",
    "revoke_personal_token",
]
