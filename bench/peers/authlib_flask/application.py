"""Authlib's authorization server on Flask and SQLAlchemy, as its documentation has it, on PostgreSQL.

Clients' secrets and tokens are stored as they are: that is what its models do. It fills itself through its
own models and writes the bodies that wrk sends into PEER_DATA.
"""

import os
import random
import secrets
import time
from pathlib import Path
from urllib.parse import urlencode

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.sqla_oauth2 import (
    OAuth2AuthorizationCodeMixin,
    OAuth2ClientMixin,
    OAuth2TokenMixin,
    create_query_client_func,
    create_save_token_func,
)
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc7636 import CodeChallenge, create_s256_code_challenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

SCOPE = "leads"
REDIRECT = "https://app.example.com/callback"
VERIFIER = "a-code-verifier-of-forty-three-characters-0"
DATA = Path(os.environ["PEER_DATA"])
METHOD = "client_secret_post"

application = Flask(__name__)
application.config["SECRET_KEY"] = secrets.token_urlsafe(50)
application.config["SQLALCHEMY_DATABASE_URI"] = os.environ["PEER_DATABASE"].replace("://", "+psycopg://", 1)
application.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
db = SQLAlchemy(application)


class User(db.Model):
    """A person."""

    id = db.Column(db.Integer, primary_key=True)

    def get_user_id(self) -> int:
        """The number."""
        return self.id


class Client(db.Model, OAuth2ClientMixin):
    """An app."""

    id = db.Column(db.Integer, primary_key=True)


class Code(db.Model, OAuth2AuthorizationCodeMixin):
    """An authorization code."""

    id = db.Column(db.Integer, primary_key=True)
    user_id = db.Column(db.Integer, db.ForeignKey("user.id"))


class Token(db.Model, OAuth2TokenMixin):
    """An access token with its refresh token."""

    id = db.Column(db.Integer, primary_key=True)
    user_id = db.Column(db.Integer, db.ForeignKey("user.id"))
    user = db.relationship("User")
    __table_args__ = (db.Index("token_by_refresh_token", "refresh_token"),)


class ClientCredentials(grants.ClientCredentialsGrant):
    """RFC 6749 §4.4."""

    TOKEN_ENDPOINT_AUTH_METHODS = (METHOD,)


class AuthorizationCode(grants.AuthorizationCodeGrant):
    """RFC 6749 §4.1."""

    TOKEN_ENDPOINT_AUTH_METHODS = (METHOD,)

    def query_authorization_code(self, code, client):
        """The code of this client."""
        return Code.query.filter_by(code=code, client_id=client.client_id).first()

    def delete_authorization_code(self, authorization_code):
        """It works once."""
        db.session.delete(authorization_code)
        db.session.commit()

    def authenticate_user(self, authorization_code):
        """Whose code it is."""
        return db.session.get(User, authorization_code.user_id)


class Refresh(grants.RefreshTokenGrant):
    """RFC 6749 §6, without rotation."""

    TOKEN_ENDPOINT_AUTH_METHODS = (METHOD,)
    INCLUDE_NEW_REFRESH_TOKEN = False

    def authenticate_refresh_token(self, refresh_token):
        """The row of the token."""
        return Token.query.filter_by(refresh_token=refresh_token).first()

    def authenticate_user(self, refresh_token):
        """Whose token it is."""
        return refresh_token.user

    def revoke_old_credential(self, refresh_token):
        """Without rotation the old token stays."""


class Introspection(IntrospectionEndpoint):
    """RFC 7662."""

    CLIENT_AUTH_METHODS = (METHOD,)

    def query_token(self, token_string, token_type_hint):
        """The row of the token."""
        return Token.query.filter_by(access_token=token_string).first()

    def check_permission(self, token, client, request):
        """Apps see their own."""
        return token.client_id == client.client_id

    def introspect_token(self, token):
        """What is said of it."""
        return {
            "active": not token.is_expired() and not token.is_revoked(),
            "client_id": token.client_id,
            "scope": token.scope,
            "sub": str(token.user_id),
            "exp": token.issued_at + token.expires_in,
            "token_type": token.token_type,
        }


server = AuthorizationServer(
    application,
    query_client=create_query_client_func(db.session, Client),
    save_token=create_save_token_func(db.session, Token),
)
server.register_grant(ClientCredentials)
server.register_grant(AuthorizationCode, [CodeChallenge(required=True)])
server.register_grant(Refresh)
server.register_endpoint(Introspection)


@application.post("/o/token/")
def issue():
    """The token endpoint."""
    return server.create_token_response()


@application.post("/o/introspect/")
def introspect():
    """The introspection endpoint."""
    return server.create_endpoint_response("introspection")


def amount(name: str) -> int:
    """How many of these are asked for."""
    return int(os.environ[f"PEER_{name}"])


def form(client: Client, **fields: str) -> str:
    """A form with the app's credentials."""
    return urlencode({**fields, "client_id": client.client_id, "client_secret": client.client_secret})


def write(name: str, lines: list[str]) -> None:
    """A file of bodies."""
    (DATA / name).write_text("\n".join(lines) + "\n")


def new_client() -> Client:
    """An app that may do everything that is measured."""
    client = Client(
        client_id=secrets.token_urlsafe(24), client_secret=secrets.token_urlsafe(32), client_id_issued_at=0
    )
    client.set_client_metadata(
        {
            "grant_types": ["client_credentials", "authorization_code", "refresh_token"],
            "response_types": ["code"],
            "redirect_uris": [REDIRECT],
            "scope": SCOPE,
            "token_endpoint_auth_method": METHOD,
        }
    )
    return client


def keep(rows: list) -> None:
    """Insert many rows."""
    for start in range(0, len(rows), 5000):
        db.session.bulk_save_objects(rows[start : start + 5000])
    db.session.commit()


def seed() -> None:
    """Make the tables and fill them."""
    db.create_all()
    keep([User(id=n + 1) for n in range(2000)])
    clients = [new_client() for _ in range(amount("CLIENTS"))]
    keep(clients)
    write(
        "client_credentials.0", [form(one, grant_type="client_credentials", scope=SCOPE) for one in clients]
    )
    refresh, introspection, rows = [], [], []
    for _ in range(amount("AUTHORIZATIONS")):
        client = random.choice(clients)
        row = Token(
            client_id=client.client_id,
            user_id=random.randint(1, 2000),
            token_type="Bearer",
            access_token=secrets.token_urlsafe(32),
            refresh_token=secrets.token_urlsafe(36),
            scope=SCOPE,
            issued_at=int(time.time()),
            expires_in=6 * 3600,
        )
        rows.append(row)
        refresh.append(form(client, grant_type="refresh_token", refresh_token=row.refresh_token))
        introspection.append(form(client, token=row.access_token))
    keep(rows)
    write("refresh.0", refresh)
    write("introspection.0", introspection[: amount("INTROSPECTED")])
    for batch in range(amount("BATCHES")):
        seed_codes(clients, batch)
    db.session.remove()
    db.engine.dispose()


def seed_codes(clients: list, batch: int) -> None:
    """Codes with PKCE. They live for five minutes in Authlib, so they are made as if in the future."""
    lines, rows = [], []
    for _ in range(amount("CODES")):
        client = random.choice(clients)
        row = Code(
            code=secrets.token_urlsafe(36),
            client_id=client.client_id,
            redirect_uri=REDIRECT,
            scope=SCOPE,
            auth_time=int(time.time()) + 6 * 3600,
            code_challenge=create_s256_code_challenge(VERIFIER),
            code_challenge_method="S256",
            user_id=random.randint(1, 2000),
        )
        rows.append(row)
        lines.append(
            form(
                client,
                grant_type="authorization_code",
                code=row.code,
                redirect_uri=REDIRECT,
                code_verifier=VERIFIER,
            )
        )
    keep(rows)
    write(f"codes.{batch}", lines)


with application.app_context():
    seed()
