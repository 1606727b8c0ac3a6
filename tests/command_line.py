"""Commands run as a shell runs them, but inside the test process, which spares each the start of a Python."""

import contextlib
import io
import json
import os
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from grantline.cli import main


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended: its exit status, standard output, standard error."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        assert self.status == 0, self.err
        assert self.err == ""
        return json.loads(self.out)


def run_command(*args: str, input: str = "", database: str = "") -> Done:
    """Run `grantline` with these arguments, on this database when one is given.

    The environment is this process's, without any GRANTLINE_ setting but those that a test put there itself.
    """
    options = ["--database", database] if database else []
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["grantline", *args, *options])
        patch.setattr(sys, "stdin", io.StringIO(input))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as ended:
                return Done(int(ended.code or 0), out.getvalue(), err.getvalue())
    raise AssertionError("a command ended without an exit status")


def forget_settings(patch: pytest.MonkeyPatch) -> None:
    """Take the caller's own GRANTLINE_ settings out of the environment."""
    for name in [name for name in os.environ if name.startswith("GRANTLINE_")]:
        patch.delenv(name)
