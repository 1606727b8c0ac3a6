"""Workspaces: who may see and change which apps.

Every app belongs to a workspace, and people have a role in it. Each person has a personal workspace, which
nobody else can join: a self client acts for its owner, so it always stays there. Whose *data* an app reaches
is another matter: organizations and consents, next door.
"""

from grantline.workspaces.invitations import (
    Invitation,
    accept_invitation,
    find_invitation,
    find_invitation_by_token,
    invite,
    list_invitations,
    mask_email,
    note_mailed,
    withdraw_invitation,
)
from grantline.workspaces.members import (
    LastOwner,
    Member,
    MembershipRefused,
    change_role,
    find_member,
    list_members,
    remove_member,
)
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
    WorkspaceRefused,
    create_workspace,
    ensure_personal_workspace,
    find_membership,
    list_memberships,
    rename_workspace,
)

__all__ = [
    "CHANGE",
    "MANAGE",
    "ROLES",
    "TOKEN_DAYS",
    "TOKEN_SCOPES",
    "VIEW",
    "Invitation",
    "LastOwner",
    "Member",
    "Membership",
    "MembershipRefused",
    "PersonalToken",
    "PersonalTokenRefused",
    "Right",
    "WorkspaceRefused",
    "accept_invitation",
    "change_role",
    "create_personal_token",
    "create_workspace",
    "ensure_personal_workspace",
    "find_bearer",
    "find_invitation",
    "find_invitation_by_token",
    "find_member",
    "find_membership",
    "invite",
    "list_invitations",
    "list_members",
    "list_memberships",
    "list_personal_tokens",
    "mask_email",
    "note_mailed",
    "note_use",
    "remove_member",
    "rename_workspace",
    "revoke_personal_token",
    "withdraw_invitation",
]
