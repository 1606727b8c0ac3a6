"""The sample CRM in a process of its own: `python -m tests.sample_crm.serving`, told everything by its
environment.

Of Grantline it knows what any API knows, the kit; it does not start if anything else came along.
"""

import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import uvicorn

from grantline.sample_crm import CrmConfig, build_app

SETTING: Final = "SAMPLE_CRM_"
"""How the name of a setting begins; the rest is a field of `CrmConfig`."""
KNOWN: Final = ("grantline.sample_crm", "grantline.resource_server", "grantline.oauth")


def render_settings(config: CrmConfig) -> dict[str, str]:
    """The environment that says this."""
    return {SETTING + one.name.upper(): str(getattr(config, one.name)) for one in fields(config)}


def parse_settings() -> CrmConfig:
    """What the environment says."""
    said = {one.name: os.environ[SETTING + one.name.upper()] for one in fields(CrmConfig)}
    return CrmConfig(**{**said, "database": Path(said["database"])})


def serve() -> None:
    """Listen at the API's own address until asked to end."""
    config = parse_settings()
    app = build_app(config)
    strangers = [name for name in sys.modules if name.startswith("grantline.") and not is_known(name)]
    if strangers:
        raise SystemExit(f"the sample CRM knows more than the kit: {', '.join(sorted(strangers))}")
    place = urlsplit(config.identifier)
    uvicorn.run(app, host=place.hostname or "", port=place.port or 0, log_level="warning", ws="none")


def is_known(module: str) -> bool:
    """Whether an API may import this."""
    return any(module == one or module.startswith(f"{one}.") for one in KNOWN)


if __name__ == "__main__":
    serve()
