"""The commands by name. What is heavy is imported inside the command that needs it."""

import typer

from grantline.cli import (
    apis,
    audit,
    client_centers,
    clients,
    codes,
    data_centers,
    holders,
    keys,
    manifests,
    migrating,
    moving_people,
    operations,
    serving,
    tokens,
    users,
    workspaces,
)
from grantline.cli.running import CommandFailed, note

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Grantline: an OAuth 2.0 and OpenID Connect authorization server.",
    epilog="For apps that sign in: grantline app --help",
)
app.command("demo")(serving.demo)
app.command("serve")(serving.serve)
app.command("migrate")(migrating.migrate)
app.command("doctor")(operations.doctor)
app.command("logs")(operations.logs)
app.command("code")(codes.code)
users.app.command("move")(moving_people.move)
clients.app.command("apply")(manifests.apply)
clients.app.command("manifest")(manifests.manifest)
clients.app.command("export")(manifests.export)
clients.app.command("data-centers")(client_centers.data_centers)
clients.app.command("users")(holders.users)
app.add_typer(users.app, name="user")
app.add_typer(clients.app, name="client")
app.add_typer(workspaces.app, name="workspace")
app.add_typer(tokens.app, name="token")
app.add_typer(apis.app, name="api")
app.add_typer(keys.app, name="keys")
app.add_typer(data_centers.app, name="data-centers")
app.add_typer(audit.app, name="audit")


def run() -> None:
    """Run the command line: exit status 0, 1 with a sentence on standard error, or 2 for wrong usage."""
    try:
        app()
    except CommandFailed as failure:
        note(str(failure))
        raise SystemExit(1) from None
