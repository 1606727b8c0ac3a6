"""Fixtures for the client library: a Redis."""

from collections.abc import Iterator

import pytest

from tests.redis_server import redis_server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis of this test worker."""
    with redis_server() as url:
        yield url
