"""The plots of the report, by file name."""

from collections.abc import Sequence

from bench import latency
from bench.growth import Grown
from bench.latency import Latency
from bench.plots import Axis, Series, bars, lines
from bench.scaling import Scale
from bench.store import Results


def draw(results: Results) -> dict[str, str]:
    """A picture for each section that has one and was measured."""
    pictures = {}
    curves = results.of("latency", Latency)
    for name in dict.fromkeys(one.name for one in curves):
        pictures[f"latency-{_file(name)}.svg"] = _latency(name, [one for one in curves if one.name == name])
    scales = results.of("scales", Scale)
    if scales:
        pictures["scaling.svg"] = _scaling(scales)
    grown = results.of("growth", Grown)
    for server in dict.fromkeys(one.server for one in grown):
        of_server = [one for one in grown if one.server == server]
        pictures[f"growth-{_file(server.rpartition(' ')[2])}.svg"] = _growth(server, of_server)
    return pictures


def _file(name: str) -> str:
    return "-".join("".join(sign if sign.isalnum() else " " for sign in name.lower()).split())


def _latency(name: str, curves: Sequence[Latency]) -> str:
    series = []
    for colour, server in enumerate(dict.fromkeys(one.server for one in curves)):
        of_server = [one for one in curves if one.server == server]
        series.append(Series(f"{server}: p99", [(one.share, one.p99_ms) for one in of_server], colour))
        series.append(Series(f"{server}: median", [(one.share, one.p50_ms) for one in of_server], colour, 2))
    return lines(
        f"Latency against load: {name}",
        Axis("share of saturation, %"),
        Axis("ms", logarithmic=True),
        series,
        bar=latency.BAR_MS,
        bar_name=f"bar for p99 at {latency.BAR_AT} %: {latency.BAR_MS} ms",
    )


def _scaling(scales: Sequence[Scale]) -> str:
    layouts = list(dict.fromkeys(one.layout for one in scales))
    names = dict.fromkeys(one.name for one in scales)
    series = [
        Series(name, [(layouts.index(one.layout), one.per_second) for one in scales if one.name == name], n)
        for n, name in enumerate(names)
    ]
    return bars("Two workers and two nodes against one", Axis("requests per second"), layouts, series)


def _growth(server: str, grown: Sequence[Grown]) -> str:
    names = dict.fromkeys(one.name for one in grown)
    series = [
        Series(name, [(one.authorizations, one.cost) for one in grown if one.name == name], n, n)
        for n, name in enumerate(names)
    ]
    return lines(
        f"Cost against authorizations: {server.removeprefix('Grantline, ')}",
        Axis("authorizations in the database", logarithmic=True),
        Axis("CPU µs of the server per request"),
        series,
    )
