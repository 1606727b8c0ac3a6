"""A client's secrets: two at a time, ended with the next request, never more than the owner asked for."""

import asyncio
import json

import pytest

from grantline.clients import (
    ClientSecret,
    SecretRefused,
    add_secret,
    find_client,
    lasting_secrets,
    reset_secrets,
    revoke_secret,
)
from grantline.clients.client import render_secrets
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


async def test_a_new_secret_may_give_the_old_one_an_end_and_says_who_asked(site: Site) -> None:
    app = await site.app("server-based")
    assert app.secret is not None
    value, new = await add_secret(
        site.db, app.client, "us", site.clock(), created_by=7, end_others_at=site.clock() + 60
    )
    assert (await fresh(site, app)).client.secrets[1] == new
    assert new.created_by == 7
    assert app.client.secrets[0].created_by == site.account.id
    site.clock.advance(59)
    assert await works(site, app, app.secret)
    site.clock.advance(1)
    assert not await works(site, app, app.secret)
    assert await works(site, app, value)


async def test_a_secret_of_before_says_nobody_made_it(site: Site) -> None:
    """Rows that were written when nobody was remembered are read all the same."""
    app = await site.app("server-based")
    kept = json.loads(app.client.secrets_text)
    old = json.dumps([one[:5] for one in kept], separators=(",", ":"))
    await site.db.run("UPDATE clients SET secrets = $2 WHERE id = $1", app.id, old)
    assert app.secret is not None
    assert await works(site, app, app.secret)
    assert (await fresh(site, app)).client.secrets[0].created_by == 0


async def test_the_secret_of_a_trial_run_is_not_one_of_the_two_and_keeps_none_alive(site: Site) -> None:
    app = await site.app("server-based")
    [own] = app.client.secrets
    passing = ClientSecret("try_1", own.hash, own.created_at, expires_at=site.clock() + 900)
    await site.db.run("UPDATE clients SET secrets = $2 WHERE id = $1", app.id, render_secrets([own, passing]))
    client = (await fresh(site, app)).client
    assert lasting_secrets(client, site.clock()) == (own,)
    with pytest.raises(SecretRefused):
        await revoke_secret(site.db, client, own.id, site.clock())
    await add_secret(site.db, client, "us", site.clock(), end_others_at=site.clock() + 86_400)
    changed = (await fresh(site, app)).client
    assert [one.expires_at for one in changed.secrets if one.id == "try_1"] == [site.clock() + 900]
