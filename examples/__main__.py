"""`python -m examples NAME [--config FILE] …`: finds the sample's configuration and starts it."""

import ast
import runpy
import sys
from argparse import ArgumentParser

from examples.config import NoConfig, find_config
from examples.places import HERE


def sample_names() -> list[str]:
    """The folders here that can be started."""
    return sorted(file.parent.name for file in HERE.glob("*/__main__.py"))


def main(arguments: list[str]) -> int:
    """The exit status: of the sample, or 2 when it can't be started."""
    names = sample_names()
    if not arguments or arguments[0] not in names:
        if arguments:
            print(f"There is no sample {arguments[0]!r}.\n", file=sys.stderr)
        print("Samples: ./examples/run NAME [--config FILE]\n", file=sys.stderr)
        for name in names:
            said = ast.get_docstring(ast.parse((HERE / name / "__init__.py").read_text())) or ""
            print(f"  {name:16} {said.partition(chr(10))[0]}", file=sys.stderr)
        return 0 if not arguments else 2
    name = arguments[0]
    parser = ArgumentParser(prog=f"./examples/run {name}", add_help=False)
    parser.add_argument("--config", default="")
    known, rest = parser.parse_known_args(arguments[1:])
    if "--help" not in rest:
        try:
            rest = ["--config", str(find_config(name, known.config)), *rest]
        except NoConfig as problem:
            print(problem, file=sys.stderr)
            return 2
    sys.argv = [f"./examples/run {name}", *rest]
    try:
        runpy.run_module(f"examples.{name}", run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
