"""Registered apps: the five types as one table, registration, secrets, authentication (RFC 6749 §2).

A *client* is an app as Grantline knows it. What people allowed it is next door in `consent`; what it holds is
in `tokens`.
"""

from grantline.clients.apis import Api, ApiRefused, create_api, find_api, list_apis, move_api
from grantline.clients.authentication import Authenticated, Unconfirmed, authenticate, recall, unknown_client
from grantline.clients.checks import FieldProblem, Registration, RegistrationRefused, check_registration
from grantline.clients.client import (
    Client,
    ClientSecret,
    find_client,
    find_client_for,
    list_clients,
    list_workspace_clients,
    origin_is_registered,
)
from grantline.clients.client_secrets import SecretRefused, add_secret, reset_secrets, revoke_secret
from grantline.clients.client_types import CLIENT_TYPES, RESOURCE_API, ClientType, get_client_type
from grantline.clients.manifest import (
    LONGEST_MANIFEST,
    MANIFEST_KEYS,
    Change,
    Manifest,
    compare_manifest,
    manifest_of,
    parse_manifest,
    render_manifest,
)
from grantline.clients.memory import ClientMemory, confirmation, confirms
from grantline.clients.registration import (
    creation_key,
    delete_client,
    register_client,
    registration_of,
    set_disabled,
    update_client,
)
from grantline.clients.transfer import TransferRefused, transfer_client

__all__ = [
    "CLIENT_TYPES",
    "LONGEST_MANIFEST",
    "MANIFEST_KEYS",
    "RESOURCE_API",
    "Api",
    "ApiRefused",
    "Authenticated",
    "Change",
    "Client",
    "ClientMemory",
    "ClientSecret",
    "ClientType",
    "FieldProblem",
    "Manifest",
    "Registration",
    "RegistrationRefused",
    "SecretRefused",
    "TransferRefused",
    "Unconfirmed",
    "add_secret",
    "authenticate",
    "check_registration",
    "compare_manifest",
    "confirmation",
    "confirms",
    "create_api",
    "creation_key",
    "delete_client",
    "find_api",
    "find_client",
    "find_client_for",
    "get_client_type",
    "list_apis",
    "list_clients",
    "list_workspace_clients",
    "manifest_of",
    "move_api",
    "origin_is_registered",
    "parse_manifest",
    "recall",
    "register_client",
    "registration_of",
    "render_manifest",
    "reset_secrets",
    "revoke_secret",
    "set_disabled",
    "transfer_client",
    "unknown_client",
    "update_client",
]
