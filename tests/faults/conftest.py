"""One site for all that is thrown at it: what is refused must leave nothing behind."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grantline.web.templating import Pages
from tests.site import Site, open_site

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With TEST_LENGTH=long, as `make soak` sets it, generated requests are a long form: many more."""
    if os.environ.get("TEST_LENGTH") != "long":
        return
    for item in items:
        generated = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if generated and item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.soak)
            item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture(scope="module")
async def target(
    tmp_path_factory: pytest.TempPathFactory, site_folder: Path, pages: Pages
) -> AsyncIterator[Site]:
    """A site that lives as long as the module: generated requests are too many for one each."""
    folder = tmp_path_factory.mktemp("target") / "site"
    shutil.copytree(site_folder, folder)
    async with open_site(folder, pages=pages, password_hash="") as site:
        yield site
