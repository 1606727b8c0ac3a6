"""The files for browser apps: any page may load them, and what one chose by its hash never changes."""

import base64
import hashlib
from pathlib import Path

import pytest

from grantline.web.browser_sdk import ADDRESS, BUTTON, MODULE, read_files
from tests.site import Site


@pytest.mark.parametrize("name", [MODULE, BUTTON])
async def test_a_file_is_served_for_a_while_and_by_its_content_for_ever(site: Site, name: str) -> None:
    newest = await site.call("GET", ADDRESS + name)
    assert newest.headers["cache-control"] == "public, max-age=300"
    digest = hashlib.sha256(newest.content).hexdigest()[:16]
    stem, _, ending = name.partition(".")
    pinned = newest.headers["content-location"]
    assert pinned == f"/sdk/{stem}.{digest}.{ending}"
    kept = await site.call("GET", pinned, headers={"Origin": "https://any.example"})
    assert kept.content == newest.content
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    for answer in (newest, kept):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"].startswith(("text/javascript", "text/css"))
        assert "set-cookie" not in answer.headers
    integrity = "sha384-" + base64.b64encode(hashlib.sha384(newest.content).digest()).decode()
    assert newest.headers["etag"] == f'"{integrity}"'
    again = await site.call("GET", ADDRESS + name, headers={"If-None-Match": newest.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_name_that_no_content_has_is_not_found_and_not_kept(site: Site) -> None:
    for path in ("/sdk/grantline.0000000000000000.js", "/sdk/", "/sdk/earlier/grantline.js"):
        answer = await site.call("GET", path)
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store"), path


def test_a_file_of_an_earlier_release_keeps_the_address_that_apps_chose(tmp_path: Path) -> None:
    for name in (MODULE, BUTTON):
        (tmp_path / name).write_text("/* of before */")
    before = read_files(tmp_path)[ADDRESS + MODULE]
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    (tmp_path / MODULE).rename(earlier / before.pinned.removeprefix(ADDRESS))
    (tmp_path / MODULE).write_text("/* of now */")
    found = read_files(tmp_path)
    assert found[before.pinned] == before
    assert found[ADDRESS + MODULE].pinned != before.pinned


async def test_quickstart_of_a_browser_app_pins_the_module_by_its_hash(site: Site) -> None:
    app, browser = await site.app("client-based"), await site.signed_in()
    page = await browser.get(f"/console/clients/{app.id}/quickstart", {"language": "javascript"})
    served = site.server.pages.browser_files[ADDRESS + MODULE]
    assert page.text.count(site.server.issuer + served.pinned) == 2
    assert served.integrity in page.text.replace("&#43;", "+")
