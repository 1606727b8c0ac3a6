"""What a token is for: userinfo answers those that name the issuer; a row remembers so many ended ones."""

from tests.site import API, SCOPE, Site


async def test_T95_userinfo_answers_only_tokens_whose_audience_names_the_issuer(site: Site) -> None:
    """A token for one API alone opens nothing at the issuer."""
    app = await site.app("server-based")
    _, secret = await site.api()
    tokens = await site.tokens(app, scope=f"{SCOPE} openid email")
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await site.call("GET", "/oauth/v2/userinfo", headers=headers)).status_code == 200
    told = await site.introspect(app, tokens["access_token"])
    assert told["aud"] == [API, site.server.issuer]
    row = await site.db.one("SELECT id FROM scope_sets ORDER BY id DESC LIMIT 1")
    await site.db.run("UPDATE scope_sets SET audience = $2 WHERE id = $1", row[0], API)
    site.mint.scope_sets._by_id.clear()
    refused = await site.call("GET", "/oauth/v2/userinfo", headers=headers)
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    assert secret


async def test_an_authorization_with_more_ended_tokens_than_it_can_remember_ends_as_a_whole(
    site: Site,
) -> None:
    """Fail closed: whoever mints and revokes without end can't make every look-up slow."""
    app = await site.app("server-based")
    first = (await site.token(app, grant_type="client_credentials", scope=SCOPE)).json()["access_token"]
    far = site.clock() + 3600
    ended = ",".join(f"[{number + 10},{far}]" for number in range(1000))
    await site.db.run("UPDATE authorizations SET revoked_sequences = $1", f"[{ended}]")
    second = (await site.token(app, grant_type="client_credentials", scope=SCOPE)).json()["access_token"]
    assert await site.works(first)
    await site.post("/oauth/v2/token/revoke", {**app.credentials, "token": second})
    assert not await site.works(first)
    assert not await site.works(second)
    third = (await site.token(app, grant_type="client_credentials", scope=SCOPE)).json()["access_token"]
    assert await site.works(third), "a new row takes over"
