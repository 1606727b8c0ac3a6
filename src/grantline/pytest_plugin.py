"""A plugin of pytest, which finds it by itself where Grantline is installed: the fixture `grantline_server`.

It loads nothing of Grantline before a test asks for the fixture.
"""

import importlib.util
from collections.abc import Iterator
from typing import Any, Final

import pytest

_NEEDED: Final = ("argon2", "httptools", "jinja2", "pydantic_settings", "starlette", "structlog")


@pytest.fixture
def grantline_server() -> Iterator[Any]:
    """An authorization server of the test's own: a `grantline.testing.AuthorizationServer`."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"grantline_server needs {missing[0]}: pip install 'grantline[server]'")
    from grantline.testing import authorization_server

    with authorization_server() as server:
        yield server
