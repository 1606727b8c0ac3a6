"""A second node beside a site: another server on the same database, in the same process."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from tests.conftest import SiteFactory
from tests.site import Site


def second_node(
    open_a_site: SiteFactory, first: Site, *, clock: Callable[[], int] | None = None
) -> AbstractAsyncContextManager[Site]:
    """A node of the same data center, with the first one's clock unless it has its own."""
    return open_a_site(
        database=first.server.settings.database,
        master_key_file=first.server.settings.master_key_path,
        clock=clock or first.clock,
    )
