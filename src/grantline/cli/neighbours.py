"""What `doctor` finds wrong between this data center and the others."""

import asyncio
from typing import Final

from grantline.cli.offline import open_envelope, settings_of
from grantline.cli.running import Workplace
from grantline.datacenters import (
    DataCenter,
    DataCenters,
    RegistryRefused,
    Standing,
    find_registry_problem,
    list_standings,
    load_data_centers,
    read_registry,
    system_clock,
)
from grantline.keys import load_keyring

MOST_SILENT_SECONDS: Final = 1800
"""Each says something every ten minutes."""
MOST_AHEAD_SECONDS: Final = 30
"""Messages are refused when the clocks are a minute apart."""


async def find_neighbour_problems(place: Workplace) -> list[str]:
    """Sentences on the registry and on every other data center in it; none when this is the only one."""
    settings = settings_of(place)
    issuer = place.home.issuer or settings.public_url
    home = DataCenter(place.home.code, issuer, settings.api_domain or issuer)
    centers = await load_data_centers(place.db, home)
    problem = await find_registry_problem(place.db, home.code)
    if settings.data_centers is not None:
        try:
            centers, problem = read_registry(settings.data_centers, home), ""
        except RegistryRefused as refused:
            problem = str(refused)
    problems = [f"{problem} What the registry said before still counts."] if problem else []
    if not centers.others:
        return problems
    own = (await load_keyring(place.db, open_envelope(place))).message_keys
    if not set(own) & set(centers.home.keys):
        problems.append(
            f"The registry lists no key of [{home.code}], so nothing can be sent to the others. Run"
            " `grantline data-centers key`, and list in all data centers what it prints."
        )
    standings = await list_standings(place.db, home.code)
    checks = [_check(centers, one, standings.get(one.code), place.now) for one in centers.others]
    for found in await asyncio.gather(*checks):
        problems += found
    return problems


async def _check(centers: DataCenters, center: DataCenter, standing: Standing | None, now: int) -> list[str]:
    """What is wrong with one other data center."""
    from grantline.cli.comparing import NoAnswer, ask_serverinfo, find_differences  # brings HTTP along

    name = f"Data center {center.code}"
    problems = []
    try:
        word = await ask_serverinfo(center, system_clock)
    except NoAnswer as problem:
        problems.append(f"{name} can't be reached at {center.issuer}: {problem}.")
    else:
        if abs(word.seconds_ahead) > MOST_AHEAD_SECONDS:
            side = "ahead of" if word.seconds_ahead > 0 else "behind"
            problems.append(
                f"{name}: its clock is {abs(word.seconds_ahead)} s {side} this one. Set both (NTP)."
            )
        for difference in find_differences(centers, word.serverinfo):
            problems.append(f"{name} {difference}: the registries differ. Give all the same file.")
        if standing is not None and standing.problem:
            problems.append(f"{name} took no message lately: {standing.problem}.")
    if not center.keys:
        problems.append(f"{name} has no key in the registry, so nothing that it sends is believed.")
    heard_at = standing.heard_at if standing is not None else None
    if heard_at is None:
        problems.append(f"{name} was never heard.")
    elif now - heard_at > MOST_SILENT_SECONDS:
        problems.append(f"{name} was last heard {(now - heard_at) // 60} minutes ago.")
    return problems
