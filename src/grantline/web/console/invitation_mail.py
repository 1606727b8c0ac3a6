"""What an invitation says. Whoever invites writes nothing in it: the workspace's name stands in quotes, and
the only link leads here (T81)."""

from grantline.mail import Mail
from grantline.web.console.role_words import role_word
from grantline.web.languages import _
from grantline.web.server import Server
from grantline.web.templating import render_utc
from grantline.workspaces import Invitation


def write_invitation(server: Server, invitation: Invitation, link: str, inviter: str) -> Mail:
    """The mail for this invitation, in the language of whoever sends it."""
    host = server.issuer.partition("://")[2]
    opening = _(
        "%(inviter)s invited you to the workspace “%(name)s” on %(host)s, as %(role)s.",
        inviter=inviter,
        name=invitation.workspace_name,
        host=host,
        role=role_word(invitation.role).lower(),
    )
    way = _("To accept, open this address and sign in with the account of %(email)s:", email=invitation.email)
    end = _(
        "It works once, until %(end)s. If you did not expect this, do nothing: nothing will happen.",
        end=render_utc(invitation.expires_at),
    )
    subject = _("Invitation to the workspace “%(name)s”", name=invitation.workspace_name)
    html = server.pages.render(
        "mail/message.html", subject=subject, before=(opening, way), link=link, after=(end,)
    )
    text = f"{opening}\n\n{way}\n\n{link}\n\n{end}\n"
    return Mail(invitation.email_key, subject, text, html)
