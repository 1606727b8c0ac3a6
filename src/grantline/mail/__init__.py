"""Mail: handed to an SMTP server, or kept in a folder. What the mails say is decided at the edge.

None is kept for later here: whoever sends is told at once when it did not work, and can send again.
"""

from grantline.mail.message import Mail, MailUnusable, render_mail
from grantline.mail.post import FolderPost, KeptMail, MailNotSent, Post, SmtpPost, open_post
from grantline.mail.smtp_url import SmtpServer, parse_smtp_url

__all__ = [
    "FolderPost",
    "KeptMail",
    "Mail",
    "MailNotSent",
    "MailUnusable",
    "Post",
    "SmtpPost",
    "SmtpServer",
    "open_post",
    "parse_smtp_url",
    "render_mail",
]
