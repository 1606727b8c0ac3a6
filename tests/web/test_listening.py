"""Listening: on which loop, and with which pieces an answer leaves."""

import asyncio

from grantline.web import run


def test_a_server_runs_on_uvloop() -> None:
    """uvicorn chooses the loop only where it starts one itself, and we do that."""
    loops: list[str] = []

    async def look() -> None:
        loops.append(type(asyncio.get_running_loop()).__module__)

    run(look())
    assert loops == ["uvloop"]
