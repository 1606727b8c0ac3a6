"""What browser apps load from here: the module and the look of the sign-in button.

Each is served at an address that stays, for a first try, and at one that is named by its content and never
changes: apps load that one, with the hash beside it (Subresource Integrity), and what is not what they chose
does not run. A release that changes a file keeps the one of before in `static/sdk/earlier/` under its name,
so that the apps that chose it go on.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

FOLDER: Final = Path(__file__).parent / "static" / "sdk"
ADDRESS: Final = "/sdk/"
MODULE: Final = "grantline.js"
BUTTON: Final = "login-button.css"
_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
)


@dataclass(frozen=True, slots=True)
class BrowserFile:
    """One file for browser apps."""

    content: bytes
    content_type: str
    pinned: str
    """Its path that never changes."""
    integrity: str
    """For the `integrity` attribute."""


def read_file(path: Path) -> BrowserFile:
    """The file with what its content names it."""
    content = path.read_bytes()
    stem = path.name.partition(".")[0]
    name = f"{stem}.{hashlib.sha256(content).hexdigest()[:16]}{path.suffix}"
    digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
    return BrowserFile(content, _TYPES[path.suffix], ADDRESS + name, f"sha384-{digest}")


def read_files(folder: Path = FOLDER) -> Mapping[str, BrowserFile]:
    """Every file by its paths; the templates' engine holds them (`templating.Pages`)."""
    found = {ADDRESS + name: read_file(folder / name) for name in (MODULE, BUTTON)}
    earlier = [read_file(path) for path in sorted((folder / "earlier").glob("*.*"))]
    return MappingProxyType(found | {one.pinned: one for one in [*found.values(), *earlier]})
