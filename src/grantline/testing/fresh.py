"""Starts servers under test quickly: the files of a fresh one are made once in a process and then copied,
since keys and tables take longer than a test."""

import threading
from pathlib import Path
from typing import Any, Final

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from grantline.settings import Settings
from grantline.testing.clock import Clock
from grantline.web import Server, open_server

_DATABASE: Final = "grantline.db"
_MASTER_KEY: Final = "master.key"


class OwnSettings(Settings):
    """Settings that come from the test alone: the environment is the app's."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What was given in the call."""
        return (init_settings,)


class Fresh:
    """What the servers of a process have in common: the files of a fresh one by data center, and the
    pages."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._files: dict[str, dict[str, bytes]] = {}
        self._pages: Any = None

    async def open(self, folder: Path, clock: Clock, *, data_center: str, **settings: Any) -> Server:
        """A server on fresh files in this folder."""
        told = OwnSettings(database=f"sqlite://{folder / _DATABASE}", data_center=data_center, **settings)
        with self._turn:
            files = self._files.get(data_center)
        if files is None:
            files = await self._make(folder, told)
        for name, content in files.items():
            (folder / name).touch(mode=0o600)
            (folder / name).write_bytes(content)
        server = await open_server(told, clock=clock, pages=self._pages)
        self._pages = server.pages
        return server

    async def _make(self, folder: Path, told: Settings) -> dict[str, bytes]:
        # Its keys are older than any test: they sign at whatever time one begins.
        server = await open_server(told, clock=Clock(1), pages=self._pages)
        self._pages = server.pages
        await server.close()
        files = {name: (folder / name).read_bytes() for name in (_DATABASE, _MASTER_KEY)}
        with self._turn:
            return self._files.setdefault(told.data_center, files)


FRESH: Final = Fresh()
