"""What falls short: every figure against its bar, in sentences made from the figures alone."""

from bench import cases, growth, latency, scaling, sign_in, starting
from bench.console import GOAL_MS, PageTime
from bench.growth import Grown
from bench.kit import KitCost
from bench.latency import Latency
from bench.measure import Figure
from bench.scaling import Scale
from bench.sdk import SdkCost
from bench.sign_in import Flood, SignIn
from bench.starting import Start
from bench.store import Results


def shortfalls(results: Results) -> list[str]:
    """A sentence for each bar that is not met. What was not measured has no sentence here."""
    figures = results.of("cases", Figure)
    return [
        *_costs(figures),
        *_against_the_peer(figures),
        *_people(results),
        *_starts(results.of("starts", Start)),
        *_latency(results.of("latency", Latency)),
        *_growth(results.of("growth", Grown)),
        *_scaling(results.of("scales", Scale)),
        *_pages(results.of("console", PageTime)),
        *_kit(results.of("kit", KitCost)),
        *_sdk(results.of("sdk", SdkCost)),
        *[f"{one.server}: {one.name} had {one.errors} errors." for one in figures if one.errors],
    ]


def unmeasured(results: Results) -> list[str]:
    """The sections without figures."""
    wanted = {
        "cases": "CPU per request",
        "latency": "latency at a steady rate",
        "sign_ins": "sign-in",
        "floods": "token requests beside a flood of sign-ins",
        "starts": "start and idle memory",
        "scales": "two workers and two nodes",
        "rows": "bytes per row",
        "console": "the console's pages in a large workspace",
        "kit": "what checking a token costs an API",
        "sdk": "what the client library adds to a call",
        "growth": "five million authorizations",
    }
    return [words for name, words in wanted.items() if not results.sections.get(name)]


def _pages(found: list[PageTime]) -> list[str]:
    return [
        f"{one.path} takes {one.median_ms:.0f} ms; the goal is {GOAL_MS}."
        for one in found
        if one.median_ms > GOAL_MS
    ]


def _kit(found: list[KitCost]) -> list[str]:
    return [
        f"The kit, {one.name}, adds {one.cost:.0f} µs; the bar is {one.bar:.0f}, and one signature takes"
        f" {found[0].cost:.0f} µs here."
        for one in found
        if one.bar and one.cost > one.bar
    ]


def _sdk(found: list[SdkCost]) -> list[str]:
    return [
        f"The client library, {one.name}, takes {one.cost:.0f} {one.unit}; the bar is {one.bar:.0f}."
        for one in found
        if one.bar and one.cost > one.bar
    ]


def _costs(figures: list[Figure]) -> list[str]:
    return [
        f"{one.server}: {one.name} costs {one.cost:.0f} µs; the bar is {one.bar}."
        for one in figures
        if one.bar and one.cost > one.bar
    ]


def _against_the_peer(figures: list[Figure]) -> list[str]:
    theirs = {one.name: one for one in figures if one.server == "oidc-provider"}
    return [
        f"{one.name}: {one.cost:.0f} µs on PostgreSQL, where oidc-provider in memory takes"
        f" {theirs[one.name].cost:.0f}."
        for one in figures
        if one.server == cases.POSTGRES and one.name in theirs and one.cost >= theirs[one.name].cost
    ]


def _people(results: Results) -> list[str]:
    found = [
        f"{one.server}: a sign-in costs {one.ratio:.2f} times the bare hash; the bar is {sign_in.BAR_RATIO}."
        for one in results.of("sign_ins", SignIn)
        if one.ratio > sign_in.BAR_RATIO
    ]
    for one in results.of("floods", Flood):
        for what, calm, flooded in (
            ("CPU", one.calm_cost, one.flood_cost),
            ("p99", one.calm_p99_ms, one.flood_p99_ms),
        ):
            if calm and flooded / calm > sign_in.BAR_FLOOD:
                found.append(
                    f"{one.server}: beside a flood of sign-ins the {what} of token requests is"
                    f" {flooded / calm:.1f} times the calm one; the bar is {sign_in.BAR_FLOOD}."
                )
    return found


def _starts(starts: list[Start]) -> list[str]:
    found = []
    for one in starts:
        for what, value, bar, unit in (
            ("is ready after", one.ready, starting.BAR_SECONDS, "s"),
            ("takes, idle,", one.idle, starting.BAR_IDLE, "MB"),
            ("takes, after load,", one.loaded, starting.BAR_LOADED, "MB"),
        ):
            if value > bar:
                found.append(f"{one.server} {what} {value:.2f} {unit}; the bar is {bar:g}.")
    return found


def _latency(curves: list[Latency]) -> list[str]:
    return [
        f"{one.server}: {one.name} at {one.share} % of saturation has a p99 of {one.p99_ms:.1f} ms; the bar"
        f" is {latency.BAR_MS}."
        for one in curves
        if one.share == latency.BAR_AT and one.p99_ms > latency.BAR_MS
    ]


def _growth(grown: list[Grown]) -> list[str]:
    found = []
    for server, name in dict.fromkeys((one.server, one.name) for one in grown):
        curve = [one for one in grown if (one.server, one.name) == (server, name)]
        ratio = curve[-1].cost / curve[0].cost
        if ratio > growth.BAR:
            found.append(
                f"{server}: {name} costs {ratio:.2f} times as much with {curve[-1].authorizations:,}"
                f" authorizations as with {curve[0].authorizations:,}; the bar is {growth.BAR}."
            )
    return found


def _scaling(scales: list[Scale]) -> list[str]:
    one = {scale.name: scale for scale in scales if scale.layout == scaling.ONE}
    found = []
    for scale in scales:
        if scale.layout == scaling.ONE or scale.name not in one:
            continue
        carried = scale.per_second / one[scale.name].per_second
        by_cpu = 2 * one[scale.name].cost / scale.cost
        if carried < scaling.BAR:
            found.append(
                f"{scale.layout}: {scale.name} carries {carried:.2f} times one (the bar is {scaling.BAR});"
                f" by CPU of the servers alone it would be {by_cpu:.2f}, were the rest elsewhere."
            )
    return found
