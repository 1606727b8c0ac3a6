"""People and organizations: accounts, passwords, sessions.

`sub` (OpenID Connect Core §2) is the account number as a decimal string: random below 2^53, unique per data
center, never reused.
What a person allowed an app is next door in `consent`; what apps hold is in `tokens`.
"""

from grantline.accounts.account import (
    Account,
    EmailTaken,
    EmailUnusable,
    create_account,
    disable_account,
    email_key,
    enable_account,
    find_account,
    find_account_by_email,
    insert_account,
    lock_account,
    set_password,
)
from grantline.accounts.leaving import begin_leaving, find_move, stop_leaving
from grantline.accounts.organizations import (
    Organization,
    find_organization,
    is_member,
    personal_organization,
)
from grantline.accounts.passwords import (
    Passwords,
    PasswordsBusy,
    PasswordUnusable,
    check_password,
    is_password_hash,
)
from grantline.accounts.sessions import (
    SESSION_IDLE_SECONDS,
    SESSION_LIFE_SECONDS,
    Session,
    end_other_sessions,
    end_session,
    find_session,
    list_sessions,
    start_session,
)
from grantline.accounts.sign_in import SignInDelayed, sign_in

__all__ = [
    "SESSION_IDLE_SECONDS",
    "SESSION_LIFE_SECONDS",
    "Account",
    "EmailTaken",
    "EmailUnusable",
    "Organization",
    "PasswordUnusable",
    "Passwords",
    "PasswordsBusy",
    "Session",
    "SignInDelayed",
    "begin_leaving",
    "check_password",
    "create_account",
    "disable_account",
    "email_key",
    "enable_account",
    "end_other_sessions",
    "end_session",
    "find_account",
    "find_account_by_email",
    "find_move",
    "find_organization",
    "find_session",
    "insert_account",
    "is_member",
    "is_password_hash",
    "list_sessions",
    "lock_account",
    "personal_organization",
    "set_password",
    "sign_in",
    "start_session",
    "stop_leaving",
]
