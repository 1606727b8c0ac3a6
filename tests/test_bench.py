"""The bench's own arithmetic: what falls short is said, what was not measured is not, plots are pictures."""

import http.server
import json
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from bench import capacity, pictures, report, shortfalls
from bench.cases import POSTGRES, SQLITE
from bench.console import PageTime
from bench.growth import Grown
from bench.kit import KitCost
from bench.latency import Latency
from bench.measure import Figure
from bench.scaling import ONE, TWO_NODES, Scale
from bench.sdk import SdkCost
from bench.sign_in import Flood, SignIn
from bench.starting import Start
from bench.store import Results
from tests.house import ROOT

CHEAP = Figure(SQLITE, "refresh, no rotation", 90, 88, 93, 95, 9000, 4.0, 0)


def results_with(section: str, *rows: object) -> Results:
    results = Results(None)
    results.put(section, rows, "today")
    return results


def test_a_figure_above_its_bar_falls_short_and_one_below_does_not() -> None:
    assert shortfalls.shortfalls(results_with("cases", CHEAP)) == []
    dear = replace(CHEAP, cost=96)
    assert shortfalls.shortfalls(results_with("cases", dear)) == [
        "Grantline, SQLite: refresh, no rotation costs 96 µs; the bar is 95."
    ]


def test_errors_fall_short_whatever_the_cost() -> None:
    (sentence,) = shortfalls.shortfalls(results_with("cases", replace(CHEAP, errors=3)))
    assert "3 errors" in sentence


def test_a_peer_that_is_cheaper_is_said() -> None:
    ours = replace(CHEAP, server=POSTGRES, bar=None, cost=200)
    theirs = replace(CHEAP, server="oidc-provider", bar=None, cost=177)
    (sentence,) = shortfalls.shortfalls(results_with("cases", ours, theirs))
    assert "oidc-provider in memory takes 177" in sentence
    assert not shortfalls.shortfalls(results_with("cases", replace(ours, cost=150), theirs))


@pytest.mark.parametrize(
    ("section", "good", "bad"),
    [
        ("kit", KitCost("offline", 14.9, 14, 16, 15), KitCost("offline", 15.1, 14, 16, 15)),
        ("sdk", SdkCost("auth", "µs", 29.9, 28, 31, 30), SdkCost("auth", "µs", 30.1, 28, 31, 30)),
        ("sign_ins", SignIn(SQLITE, 20900, 20000, 40, 0), SignIn(SQLITE, 22000, 20000, 40, 0)),
        (
            "floods",
            Flood(SQLITE, 500, 100, 2.0, 140, 2.9, 30, 0, 0),
            Flood(SQLITE, 500, 100, 2.0, 140, 3.1, 30, 0, 0),
        ),
        ("console", PageTime("/console", 49.9, 90.0, 200), PageTime("/console", 50.1, 90.0, 200)),
        ("starts", Start(SQLITE, 0.9, 0.8, 1.0, 60, 100), Start(SQLITE, 0.9, 0.8, 1.0, 65, 100)),
        (
            "latency",
            Latency(SQLITE, "refresh", 70, 5000, 2, 9.9, 0),
            Latency(SQLITE, "refresh", 70, 5000, 2, 10.1, 0),
        ),
    ],
)
def test_every_kind_of_figure_is_held_against_its_bar(section: str, good: object, bad: object) -> None:
    assert not shortfalls.shortfalls(results_with(section, good))
    assert len(shortfalls.shortfalls(results_with(section, bad))) == 1


def test_growth_and_scaling_are_held_against_the_first_of_their_curve() -> None:
    small = Grown(POSTGRES, "refresh", 10_000, 80, 20, 3, 0, 500, 300)
    fine, dear = (replace(small, authorizations=5_000_000, cost=cost) for cost in (103, 105))
    assert not shortfalls.shortfalls(results_with("growth", small, fine))
    assert "1.31 times" in shortfalls.shortfalls(results_with("growth", small, dear))[0]
    one = Scale(ONE, "refresh", 1000, 80, 20, 3, 0)
    two, slow = (replace(one, layout=TWO_NODES, per_second=rate) for rate in (1800, 1700))
    assert not shortfalls.shortfalls(results_with("scales", one, two))
    assert "1.70 times" in shortfalls.shortfalls(results_with("scales", one, slow))[0]


def test_what_was_not_measured_is_named_and_has_no_table() -> None:
    said = report.render(results_with("cases", CHEAP))
    assert "Not measured:" in said
    assert "five million" in said.partition("Not measured:")[2]
    assert "## Growth" not in said
    assert "| refresh, no rotation | 90 (bar 95) |" in said


def test_plots_are_drawings_with_titles_units_and_both_colour_schemes() -> None:
    curve = [Latency("A & B", "refresh <1>", share, 1, 1.0, p99, 0) for share, p99 in ((10, 2.0), (90, 40.0))]
    (name,) = (drawn := pictures.draw(results_with("latency", *curve)))
    assert name == "latency-refresh-1.svg"
    root = ElementTree.fromstring(drawn[name])
    words = " ".join("".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "A & B: p99" in words
    assert "share of saturation, %" in words
    assert " ms" in words
    assert "prefers-color-scheme: dark" in drawn[name]


def test_results_survive_being_written_and_read(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.json")
    results.put("cases", [CHEAP], "today")
    results.save()
    assert Results(tmp_path / "results.json").of("cases", Figure) == [CHEAP]


class _Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = {b"a=fine": 200, b"a=busy": 503}.get(body, 400)
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *parts: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("body", "kind"), [("a=fine", "answered"), ("a=busy", "refused"), ("a=bad", "errors")]
)
def test_the_paced_driver_tells_answers_refusals_and_errors_apart(
    tmp_path: Path, body: str, kind: str
) -> None:
    (tmp_path / "bodies").write_text(body + "\n")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        command = [sys.executable, "-m", "bench.paced", url, str(tmp_path / "bodies"), "50", "1", "4", ""]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        server.shutdown()
    seen = json.loads(said)
    assert seen[kind] > 0
    assert sum(seen[name] for name in ("answered", "refused", "errors")) == seen[kind]


def test_the_tables_of_the_capacity_document_follow_from_its_inputs() -> None:
    text = capacity.DOCUMENT.read_text()
    assert capacity.render(text) == text, "run `python -m bench.capacity`"
    assert capacity.render(text.replace("| `peak` | 3 |", "| `peak` | 4 |")) != text


def test_capacity_is_plain_arithmetic() -> None:
    given = dict(capacity.read_inputs(capacity.DOCUMENT.read_text()))
    given |= {"authorizations_per_account": 2, "refreshes_per_authorization_and_day": 43200, "peak": 1}
    assert capacity.refreshes_per_second(given, 10) == 10
    given |= {f"{table}_row_bytes": 0.0 for table in capacity.rows_per_account(given)}
    given["authorizations_row_bytes"] = 500
    assert capacity.bytes_per_account(given) == 1000
