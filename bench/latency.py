"""Latency: what a request takes at a steady rate, from a tenth of saturation to nine tenths."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.load import Cores
from bench.measure import Case
from bench.paced import finish_pacing, start_pacing
from bench.serving import Serving

SHARES: Final = (10, 30, 50, 70, 80, 90)
BAR_AT: Final = 70
BAR_MS: Final = 10


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency at a share of saturation, in percent."""

    server: str
    name: str
    share: int
    per_second: float
    p50_ms: float
    p99_ms: float
    errors: int


def latencies(
    serving: Serving,
    case: Case,
    saturation: float,
    shares: tuple[int, ...],
    seconds: int,
    data: Path,
    where: Cores,
) -> list[Latency]:
    """The curve of one kind of request, by shares of what the server carried at saturation."""
    curve = []
    for share in shares:
        rate = saturation * share / 100
        run = start_pacing(serving.url + case.path, data / f"{case.file}.0", rate, seconds, where)
        seen = finish_pacing(run)
        curve.append(
            Latency(
                serving.name,
                case.name,
                share,
                seen.answered / seen.seconds,
                seen.p50_ms,
                seen.p99_ms,
                seen.errors + seen.refused,
            )
        )
    return curve
