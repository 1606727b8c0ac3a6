"""Django OAuth Toolkit as its documentation has it, on PostgreSQL, under gunicorn.

With PEER_HASHED the clients' secrets are hashed, which is its default; without, they are stored as they are.
It fills itself through its own models and writes the bodies that wrk sends into PEER_DATA.
"""

import base64
import hashlib
import os
import random
import secrets
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import django
from django.conf import settings

ADDRESS = urlsplit(os.environ["PEER_DATABASE"])
HASHED = bool(os.environ.get("PEER_HASHED"))
SCOPE = "leads"
REDIRECT = "https://app.example.com/callback"
VERIFIER = "a-code-verifier-of-forty-three-characters-0"

settings.configure(
    SECRET_KEY=secrets.token_urlsafe(50),
    DEBUG=False,
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="addresses",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": ADDRESS.path.strip("/"),
            "USER": ADDRESS.username,
            "HOST": ADDRESS.hostname,
            "PORT": ADDRESS.port,
            "CONN_MAX_AGE": None,
        }
    },
    OAUTH2_PROVIDER={
        "SCOPES": {SCOPE: "Read leads", "introspection": "Introspect tokens"},
        "ROTATE_REFRESH_TOKEN": False,
        "PKCE_REQUIRED": True,
    },
    USE_TZ=True,
    # Tables are made as the models have them: the history of how they came to be takes long.
    MIGRATION_MODULES={"auth": None, "contenttypes": None, "oauth2_provider": None},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.contrib.auth.hashers import make_password  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connections  # noqa: E402
from django.utils import timezone  # noqa: E402
from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken  # noqa: E402

DATA = Path(os.environ["PEER_DATA"])
LATER = timezone.now() + timedelta(hours=6)


def amount(name: str) -> int:
    """How many of these are asked for."""
    return int(os.environ[f"PEER_{name}"])


def form(app: Application, **fields: str) -> str:
    """A form with the app's credentials."""
    return urlencode({**fields, "client_id": app.client_id, "client_secret": app.shown})


def write(name: str, lines: list[str]) -> None:
    """A file of bodies."""
    (DATA / name).write_text("\n".join(lines) + "\n")


def apps(grant_type: str, count: int) -> list[Application]:
    """New apps. One secret is hashed once for all, since making a thousand hashes takes minutes."""
    secret = secrets.token_urlsafe(32)
    stored = make_password(secret) if HASHED else secret
    made = []
    for number in range(count):
        app = Application(
            name=f"App {number}",
            client_id=secrets.token_urlsafe(24),
            client_secret=stored,
            client_type=Application.CLIENT_CONFIDENTIAL,
            authorization_grant_type=grant_type,
            redirect_uris=REDIRECT,
            hash_client_secret=HASHED,
        )
        app.shown = secret
        made.append(app)
    Application.objects.bulk_create(made)
    return made


def access_tokens(users: list[User], owners: list[Application], count: int) -> list[AccessToken]:
    """New access tokens of random people for random apps."""
    made = [
        AccessToken(
            user=random.choice(users),
            application=random.choice(owners),
            token=secrets.token_urlsafe(24),
            expires=LATER,
            scope=SCOPE,
        )
        for _ in range(count)
    ]
    return AccessToken.objects.bulk_create(made, batch_size=5000)


def seed_tokens(users: list[User], owners: list[Application]) -> None:
    """Tokens to refresh, and others to introspect, since a refresh ends the access token before."""
    refresh = [
        RefreshToken(
            user=one.user, application=one.application, token=secrets.token_urlsafe(24), access_token=one
        )
        for one in access_tokens(users, owners, amount("AUTHORIZATIONS"))
    ]
    RefreshToken.objects.bulk_create(refresh, batch_size=5000)
    write(
        "refresh.0", [form(r.application, grant_type="refresh_token", refresh_token=r.token) for r in refresh]
    )
    others = access_tokens(users, owners, amount("INTROSPECTED"))
    write("introspection.0", [form(one.application, token=one.token) for one in others])


def seed_codes(users: list[User], owners: list[Application]) -> None:
    """Codes with PKCE, a file for each batch."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
    for batch in range(amount("BATCHES")):
        grants = [
            Grant(
                user=random.choice(users),
                application=random.choice(owners),
                code=secrets.token_urlsafe(24),
                expires=LATER,
                redirect_uri=REDIRECT,
                scope=SCOPE,
                code_challenge=challenge,
                code_challenge_method="S256",
            )
            for _ in range(amount("CODES"))
        ]
        Grant.objects.bulk_create(grants, batch_size=5000)
        lines = [
            form(
                one.application,
                grant_type="authorization_code",
                code=one.code,
                redirect_uri=REDIRECT,
                code_verifier=VERIFIER,
            )
            for one in grants
        ]
        write(f"codes.{batch}", lines)


def seed() -> None:
    """Make the tables and fill them."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    users = User.objects.bulk_create(User(username=f"person{n}") for n in range(2000))
    machines = apps(Application.GRANT_CLIENT_CREDENTIALS, amount("CLIENTS"))
    write(
        "client_credentials.0", [form(app, grant_type="client_credentials", scope=SCOPE) for app in machines]
    )
    if not HASHED:
        owners = apps(Application.GRANT_AUTHORIZATION_CODE, amount("CLIENTS"))
        seed_tokens(users, owners)
        seed_codes(users, owners)
    connections.close_all()


seed()
application = get_wsgi_application()
