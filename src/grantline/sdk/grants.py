"""The five ways to a grant, as the first thing that an app's code says. Each gives a Session, or what makes
sessions.

    session = Grantline.self_client("grantline-code.json")
    session.token().value
"""

from typing import Unpack

from grantline.sdk.desktop import Desktop
from grantline.sdk.device import Device
from grantline.sdk.frames import aframeless, frameless
from grantline.sdk.record import Secret
from grantline.sdk.selfclient import aself_client, client_credentials, self_client
from grantline.sdk.session import Session
from grantline.sdk.setup import Options, Source, set_up
from grantline.sdk.webapp import WebApp


class Grantline:
    """`source` is the JSON file that the console gives for an app, or its members as a mapping; what it does
    not say comes from the call or from the environment (GRANTLINE_ISSUER, GRANTLINE_CLIENT_ID,
    GRANTLINE_CLIENT_SECRET, GRANTLINE_REDIRECT_URI, GRANTLINE_SCOPE)."""

    @staticmethod
    @frameless
    def self_client(source: Source = None, *, code: str = "", **options: Unpack[Options]) -> Session:
        """The session of a program that acts as its owner. The console's code is exchanged the first time;
        the grant is kept, and a later start needs no code. Raises the errors of the tree."""
        return self_client(source, code, options)

    @staticmethod
    @aframeless
    async def aself_client(source: Source = None, *, code: str = "", **options: Unpack[Options]) -> Session:
        """The same, for tasks."""
        return await aself_client(source, code, options)

    @staticmethod
    @frameless
    def client_credentials(source: Source = None, **options: Unpack[Options]) -> Session:
        """The session of an app that acts as itself. Nothing is asked for before the first token is."""
        return client_credentials(source, options)

    @staticmethod
    @frameless
    def web_app(
        source: Source = None, *, cookie_key: str | Secret = "", **options: Unpack[Options]
    ) -> WebApp:
        """A web app whose people sign in. `cookie_key` seals its cookies, where the app has no secret."""
        return WebApp(set_up(source, **options), cookie_key=cookie_key)

    @staticmethod
    @frameless
    def device(source: Source = None, **options: Unpack[Options]) -> Device:
        """An app on a device without a browser: a television, a printer, a server."""
        return Device(set_up(source, **options))

    @staticmethod
    @frameless
    def desktop(source: Source = None, **options: Unpack[Options]) -> Desktop:
        """An app on a person's own machine, which opens their browser."""
        return Desktop(set_up(source, **options))
