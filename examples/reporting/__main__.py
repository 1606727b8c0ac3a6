"""`./examples/run reporting`: a chart of your leads, in the terminal and in the browser.

Nobody signs in: it works as you, with the grant that the console's code was exchanged for. It may run for
years; each time the page is opened it asks the CRM again.
"""

import sys
from argparse import ArgumentParser
from typing import Final
from urllib.parse import urlsplit

import httpx2
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from examples.places import data_folder, write_private
from examples.reporting.drawing import STYLE_HASH, render_page, render_text
from examples.reporting.figures import count_leads
from examples.serving import serve, site
from examples.store import open_store
from grantline import Grantline, GrantlineError
from grantline.sdk.setup import read_members

PORT: Final = 8708


def serve_report(crm: httpx2.Client, port: int) -> None:
    """The page, made anew each time it is opened, for this computer alone."""

    def show(_: Request) -> Response:
        try:
            return HTMLResponse(render_page(count_leads(crm)))
        except (GrantlineError, httpx2.HTTPError) as problem:
            return PlainTextResponse(str(problem), 502)

    serve("reporting", site("reporting", [Route("/", show)], style_src=f"'sha256-{STYLE_HASH}'"), port)


def main() -> int:
    parser = ArgumentParser(prog="./examples/run reporting", description=__doc__)
    parser.add_argument("--config", required=True, help="the file of the console")
    parser.add_argument("--once", action="store_true", help="write the page to a file, and end")
    given = parser.parse_args()
    try:
        with Grantline.self_client(given.config, store=open_store("reporting")) as session:
            crm = session.api()
            figures = count_leads(crm)
            print(render_text(figures))
            file = data_folder("reporting") / "leads.html"
            write_private(file, render_page(figures))
            print(f"\nThe same with charts: {file}")
            if not given.once:
                port = urlsplit(read_members(given.config).get("address", "")).port
                serve_report(crm, port or PORT)
    except (GrantlineError, httpx2.HTTPError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
