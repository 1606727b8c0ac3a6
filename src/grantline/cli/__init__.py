"""The command line: `grantline`, also `./run …`. Each command says what it did in one line, and takes
`--json` for machines."""

from grantline.cli.main import main

__all__ = ["main"]
