"""A client's secrets: two at a time, ended with the next request, never more than the owner asked for."""

import asyncio

import pytest

from grantline.clients import SecretRefused, add_secret, find_client, reset_secrets, revoke_secret
from tests.site import App, Site


async def works(site: Site, app: App, secret: str) -> bool:
    """Whether the secret authenticates, at the endpoint itself."""
    answer = await site.post(
        "/oauth/v2/introspect", {"client_id": app.id, "client_secret": secret, "token": "x"}
    )
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


async def fresh(site: Site, app: App) -> App:
    client = await find_client(site.db, app.id)
    assert client is not None
    return App(client, app.secret)


async def test_a_second_secret_works_beside_the_first_and_a_third_is_refused(site: Site) -> None:
    app = await site.app("server-based")
    assert app.secret is not None
    value, _ = await add_secret(site.db, app.client, "us", site.clock())
    assert await works(site, app, value)
    assert await works(site, app, app.secret)
    with pytest.raises(SecretRefused):
        await add_secret(site.db, (await fresh(site, app)).client, "us", site.clock())


async def test_a_reset_ends_every_other_secret_with_the_next_request(site: Site) -> None:
    app = await site.app("server-based")
    assert app.secret is not None
    second, _ = await add_secret(site.db, app.client, "us", site.clock())
    value, _ = await reset_secrets(site.db, (await fresh(site, app)).client, "us", site.clock())
    assert [await works(site, app, one) for one in (app.secret, second, value)] == [False, False, True]


async def test_revoking_ends_the_one_that_is_named_and_never_the_last(site: Site) -> None:
    app = await site.app("server-based")
    assert app.secret is not None
    value, second = await add_secret(site.db, app.client, "us", site.clock())
    await revoke_secret(site.db, (await fresh(site, app)).client, second.id, site.clock())
    assert not await works(site, app, value)
    assert await works(site, app, app.secret)
    client = (await fresh(site, app)).client
    with pytest.raises(SecretRefused):
        await revoke_secret(site.db, client, client.secrets[0].id, site.clock())
    with pytest.raises(SecretRefused):
        await revoke_secret(site.db, client, second.id, site.clock())


async def test_T143_a_secret_is_revoked_by_its_own_client_alone(site: Site) -> None:
    app, other = await site.app("server-based"), await site.app("self-client")
    assert other.secret is not None
    await add_secret(site.db, other.client, "us", site.clock())
    with pytest.raises(SecretRefused):
        await revoke_secret(site.db, app.client, other.client.secrets[0].id, site.clock())
    assert await works(site, other, other.secret)


async def test_a_type_without_a_secret_gets_none(site: Site) -> None:
    app = await site.app("client-based")
    for change in (add_secret, reset_secrets):
        with pytest.raises(SecretRefused):
            await change(site.db, app.client, "us", site.clock())


async def test_two_changes_at_the_same_moment_leave_what_was_answered(site: Site) -> None:
    """Whoever was given a secret can use it; the other hears that it must try again."""
    app = await site.app("server-based")
    results = await asyncio.gather(
        *(add_secret(site.db, app.client, "us", site.clock()) for _ in range(5)), return_exceptions=True
    )
    given = [one[0] for one in results if not isinstance(one, BaseException)]
    assert len(given) == 1
    assert all(isinstance(one, SecretRefused | tuple) for one in results)
    assert await works(site, app, given[0])


async def test_the_id_of_a_secret_proves_nothing(site: Site) -> None:
    app = await site.app("server-based")
    assert not await works(site, app, app.client.secrets[0].id)
    assert not await works(site, app, app.client.secrets[0].hash.hex())
