"""The catalogue of a data center, out of what its APIs declare."""

from grantline.clients import Api, list_apis
from grantline.db import Database
from grantline.scopes import Catalog, DeclaredApi, DeclaredScope


def declared(api: Api) -> DeclaredApi:
    """What the catalogue needs of an API."""
    scopes = tuple(
        DeclaredScope(
            one.name,
            one.sentence,
            one.sensitivity,
            one.for_apps,
            one.shows_person,
            one.shown_since,
            max(one.said_since, one.shown_since),
        )
        for one in api.scopes
    )
    return DeclaredApi(
        api.identifier,
        api.scope_prefix,
        api.name,
        scopes,
        api.algorithm,
        api.token_seconds,
        api.origins_policy,
    )


async def load_catalog(db: Database) -> Catalog:
    """The catalogue of scopes with the APIs that are registered now."""
    return Catalog([declared(api) for api in await list_apis(db)])
