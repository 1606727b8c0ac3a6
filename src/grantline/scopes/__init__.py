"""Scopes: the catalogue of what can be asked for, with the sentence that people read at consent (R8–R11).

The grammar (comma or space, hierarchy) is in `oauth/scope`; here stands which scopes exist.
"""

from grantline.scopes.catalog import Catalog, Form, Resolved, Scope, is_known_everywhere
from grantline.scopes.declared import DeclaredApi, DeclaredScope
from grantline.scopes.vocabulary import OPENID_SCOPES, SERVICES, Resource, Service

__all__ = [
    "OPENID_SCOPES",
    "SERVICES",
    "Catalog",
    "DeclaredApi",
    "DeclaredScope",
    "Form",
    "Resolved",
    "Resource",
    "Scope",
    "Service",
    "is_known_everywhere",
]
