"""The command line: `grantline`, also `./run …`. Each command says what it did in one line, and takes
`--json` for machines.

`grantline app` belongs to the client library and works without the server's part; the others need it.
"""

import sys
from typing import Final

__all__ = ["main"]

_OWN: Final = "grantline"


def main() -> None:
    """Run the command line: exit status 0, 1 with a sentence on standard error, or 2 for wrong usage."""
    if sys.argv[1:2] == ["app"]:
        from grantline.sdk import command

        raise SystemExit(command.main(sys.argv[2:]))
    try:
        from grantline.cli.commands import run
    except ModuleNotFoundError as missing:
        if (missing.name or _OWN).partition(".")[0] == _OWN:
            raise
        print(
            f"This needs the server's part of Grantline, which is not there ({missing.name} is missing).\n"
            "Install it: pip install 'grantline[server]'. Without it there is `grantline app`.",
            file=sys.stderr,
        )
        raise SystemExit(1) from None
    run()
