"""What `grantline serve` does once its options are read: settings, server, listen."""

import sys
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from grantline.cli.running import CommandFailed
from grantline.db import DatabaseUnavailable
from grantline.keys import EnvelopeBroken
from grantline.settings import Settings
from grantline.web import CannotListen, build_app, listener, open_server, run, serve_all, set_up_logs


def run_server(given: Mapping[str, Any]) -> None:
    """Serve with these settings and those of the environment, until stopped. Raises CommandFailed."""
    try:
        settings = Settings(**given)
    except ValidationError as refused:
        lines = [
            f"{'.'.join(str(part) for part in e['loc']) or 'settings'}: {e['msg']}" for e in refused.errors()
        ]
        raise CommandFailed("\n".join(lines)) from None
    run(_serve(settings))


async def _serve(settings: Settings) -> None:
    set_up_logs(settings.log_level)
    try:
        server = await open_server(settings)
    except (ValueError, FileNotFoundError) as problem:
        raise CommandFailed(str(problem)) from None
    except EnvelopeBroken:
        raise CommandFailed(
            f"The master key in {settings.master_key_path} does not open the keys in the database:"
            " it is another database's."
        ) from None
    except DatabaseUnavailable as problem:
        raise CommandFailed(f"The database can't be used now: {problem}.") from None
    one = listener(
        build_app(server),
        host=settings.host,
        port=settings.port,
        certificate=settings.tls_certificate,
        key=settings.tls_key,
        proxies=settings.proxy_networks,
    )

    def ready() -> None:
        print(
            f"Grantline {settings.data_center.upper()} is ready at {settings.public_url}",
            file=sys.stderr,
            flush=True,
        )

    try:
        await serve_all([one], ready=ready)
    except CannotListen as problem:
        raise CommandFailed(str(problem)) from None
