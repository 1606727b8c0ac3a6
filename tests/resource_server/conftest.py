"""An issuer outside, and the same small API behind every adapter."""

from collections.abc import Callable
from typing import Any

import pytest

from grantline.resource_server import Introspection, Offline, ProtectedResource
from tests.resource_server.apps import APPS, Caller
from tests.resource_server.issuer import API, CLIENT_ID, CLIENT_SECRET, ISSUER, Clock, Issuer

Protect = Callable[..., ProtectedResource]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def protect(issuer: Issuer, clock: Clock) -> Protect:
    """Makes resources of that issuer."""

    def make(check: Introspection | Offline | None = None, **more: Any) -> ProtectedResource:
        return ProtectedResource(
            **{
                "resource": API,
                "issuer": ISSUER,
                "check": check or Introspection(CLIENT_ID, CLIENT_SECRET),
                "public": ("/listed",),
                "clock": clock,
                "wire": issuer.wire(),
                **more,
            }
        )

    return make


@pytest.fixture(params=APPS)
def app(request: pytest.FixtureRequest) -> Callable[[ProtectedResource], Caller]:
    """The small API with each adapter."""
    return APPS[request.param]
