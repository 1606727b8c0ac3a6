"""One site for all that is thrown at it: what is refused must leave nothing behind."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grantline.web.templating import Pages
from tests.site import Site, open_site


@pytest.fixture(scope="module")
async def target(
    tmp_path_factory: pytest.TempPathFactory, site_folder: Path, pages: Pages
) -> AsyncIterator[Site]:
    """A site that lives as long as the module: generated requests are too many for one each."""
    folder = tmp_path_factory.mktemp("target") / "site"
    shutil.copytree(site_folder, folder)
    async with open_site(folder, pages=pages, password_hash="") as site:
        yield site
