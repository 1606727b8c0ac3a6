"""A web app as people write it on Authlib's Starlette client: it knows the issuer's address alone."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn
from authlib.integrations.starlette_client import OAuth
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send


def build_party(issuer: str, client: Mapping[str, Any], home: str) -> Callable[[Scope, Receive, Send], Any]:
    """The app at the address `home`: /login, /callback, /logout and /signed-out. One visitor at a time."""
    oauth = OAuth()
    oauth.register(
        "grantline",
        client_id=client["client_id"],
        client_secret=client["client_secret"],
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
    )
    session: dict[str, Any] = {}

    async def login(request: Request) -> Response:
        return await oauth.grantline.authorize_redirect(request, f"{home}/callback")  # type: ignore[no-any-return]

    async def callback(request: Request) -> Response:
        token = await oauth.grantline.authorize_access_token(request)
        session["id_token"] = token["id_token"]
        told = await oauth.grantline.userinfo(token=token)
        return JSONResponse({"claims": token["userinfo"], "userinfo": told})

    async def logout(request: Request) -> Response:
        return await oauth.grantline.logout_redirect(  # type: ignore[no-any-return]
            request, f"{home}/signed-out", id_token_hint=session["id_token"]
        )

    async def signed_out(request: Request) -> Response:
        await oauth.grantline.validate_logout_response(request)
        return JSONResponse({"signed_out": True})

    app = Starlette(
        routes=[
            Route("/login", login),
            Route("/callback", callback),
            Route("/logout", logout),
            Route("/signed-out", signed_out),
        ]
    )

    async def with_session(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "session": session}, receive, send)

    return with_session


@contextmanager
def served(app: Callable[[Scope, Receive, Send], Any], port: int) -> Iterator[None]:
    """Serve an application on 127.0.0.1 while the block runs."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline, "the app does not start"
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
