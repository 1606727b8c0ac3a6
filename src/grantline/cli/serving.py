"""`grantline demo` and `grantline serve`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from grantline.cli.running import CommandFailed, DatabaseOption


def demo(
    port: Annotated[int, typer.Option("--port", help="The first of the ports.", min=1024, max=65000)] = 8700,
    data: Annotated[Path, typer.Option("--data", help="Folder for everything that the demo keeps.")] = Path(
        ".grantline"
    ),
) -> None:
    """Everything, seeded: a data center with its console, the sample CRM API, people and apps. Stop it with
    Ctrl-C."""
    _check_hash_randomisation()
    from grantline.demo import run_demo
    from grantline.web import CannotListen, run

    try:
        run(run_demo(port, data))
    except (ValueError, CannotListen) as problem:
        raise CommandFailed(str(problem)) from None


def serve(
    database: DatabaseOption = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Worker processes. SQLite is served by one.")
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option("--tls-certificate", help="Certificate chain, PEM.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="Its private key, PEM.")] = None,
    trusted_proxy: Annotated[
        list[str] | None, typer.Option("--trusted-proxy", help="Network (CIDR); several allowed.")
    ] = None,
) -> None:
    """One data center, for real. Settings come from the environment: see docs/operators.md."""
    _check_hash_randomisation()
    from grantline.cli.listening import run_server

    given: dict[str, object] = {
        "tls_certificate": tls_certificate,
        "tls_key": tls_key,
        "database": database,
        "workers": workers,
    }
    if trusted_proxy:
        given["trusted_proxies"] = tuple(trusted_proxy)
    run_server({name: value for name, value in given.items() if value is not None})


def _check_hash_randomisation() -> None:
    """Predictable hashes let anyone make dictionaries slow (T135)."""
    seed = os.environ.get("PYTHONHASHSEED", "random")
    if seed not in ("", "random"):
        raise CommandFailed(f"PYTHONHASHSEED={seed} switches off a protection of Python. Unset it.")
