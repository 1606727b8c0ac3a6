"""What `grantline serve` does once its options are read: settings, server, listen."""

import asyncio
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from grantline.cli.running import CommandFailed, note
from grantline.cli.workers import Place, Workers
from grantline.db import DatabaseUnavailable, held_alone
from grantline.keys import EnvelopeBroken
from grantline.settings import Settings
from grantline.web import (
    CannotListen,
    bind_for_workers,
    build_app,
    listener,
    open_server,
    run,
    serve_all,
    set_up_logs,
)

FILES: Final = 4096
"""Open files for each process: a thousand connections, the database, and room."""


def run_server(given: Mapping[str, Any]) -> None:
    """Serve with these settings and those of the environment, until stopped. Raises CommandFailed."""
    try:
        settings = Settings(**given)
    except ValidationError as refused:
        lines = [
            f"{'.'.join(str(part) for part in e['loc']) or 'settings'}: {e['msg']}" for e in refused.errors()
        ]
        raise CommandFailed("\n".join(lines)) from None
    _allow_files()
    with _alone_on(settings.database):
        if settings.workers == 1:
            run(_serve(settings, ready=lambda: _say_ready(settings)))
            return
        try:
            sockets = bind_for_workers(settings.host, settings.port, settings.workers)
        except CannotListen as problem:
            raise CommandFailed(str(problem)) from None
        Workers(sockets, partial(_work, settings), lambda: _say_ready(settings)).run()


def _allow_files() -> None:
    """A thousand connections need as many open files; many systems allow 1,024 unless asked."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    if wanted < FILES:
        note(f"Only {wanted} files may be open at once. Allow {FILES}: ulimit -n {FILES}")


def _say_ready(settings: Settings) -> None:
    center = settings.data_center.upper()
    print(f"Grantline {center} is ready at {settings.public_url}", file=sys.stderr, flush=True)


@contextmanager
def _alone_on(database: str) -> Iterator[None]:
    """No second server works on this SQLite file meanwhile; the command line may. Raises CommandFailed."""
    if not database.startswith("sqlite://"):
        yield
        return
    path = Path(database.removeprefix("sqlite://") + ".lock")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as stack:
        try:
            stack.enter_context(held_alone(path))
        except BlockingIOError:
            raise CommandFailed(
                f"Another server works on {database} already."
                " Stop it, or use PostgreSQL, which many can serve."
            ) from None
        yield


def _work(settings: Settings, place: Place) -> None:
    """What one of several workers does. It ends with the process that started it."""

    def ready() -> None:
        loop = asyncio.get_running_loop()

        def left_alone() -> None:
            loop.remove_reader(place.parent)
            os.kill(os.getpid(), signal.SIGTERM)

        loop.add_reader(place.parent, left_alone)
        os.write(place.ready, b".")

    run(_serve(settings, ready=ready, listening=place.listening))


async def _serve(
    settings: Settings, *, ready: Callable[[], None], listening: socket.socket | None = None
) -> None:
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
        proxies=settings.trusted_proxies,
    )

    try:
        await serve_all([one], ready=ready, sockets=None if listening is None else [listening])
    except CannotListen as problem:
        raise CommandFailed(str(problem)) from None
