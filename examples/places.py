"""Where samples keep what is theirs alone, and where the console is that registers them."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
GRANTLINE: Final = HERE.parent / ".grantline"
"""The folder of a demo that `./run` started."""
CONSOLE: Final = "http://127.0.0.1:8700/console"


def data_folder(name: str) -> Path:
    """The sample's own folder, which nobody else may read: its configuration, grants and files."""
    parent = Path(os.environ.get("GRANTLINE_SAMPLES") or GRANTLINE / "samples")
    folder = parent / name
    for private in (parent.parent, parent, folder):
        private.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, all of it or nothing."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def demo_facts() -> Mapping[str, Any]:
    """What the running demo says of itself; nothing when there is none."""
    try:
        facts: Mapping[str, Any] = json.loads((GRANTLINE / "demo.json").read_text())
    except (OSError, ValueError):
        return {}
    return facts


def console_address() -> str:
    """The console's address: of the demo that runs, else where it would be."""
    centers = demo_facts().get("data_centers") or [{}]
    return str(centers[0].get("console", CONSOLE))
