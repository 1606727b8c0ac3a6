"""A mint outside the server: for commands that make what only a mint can make. The operator's commands have
no limits."""

from pydantic import ValidationError

from grantline.activity import Recorder
from grantline.cli.running import CommandFailed, Workplace
from grantline.datacenters import DataCenter, load_data_centers
from grantline.keys import Envelope, Keyring, load_keyring, load_master_key
from grantline.limits import Limiter
from grantline.settings import Settings
from grantline.tokens import Mint, ScopeSets, load_catalog


def settings_of(place: Workplace) -> Settings:
    """The settings that a server of this database would have. Raises CommandFailed."""
    try:
        return Settings(database=place.url, data_center=place.home.code)
    except ValidationError as refused:
        raise CommandFailed(
            "\n".join(problem["msg"].removeprefix("Value error, ") for problem in refused.errors())
        ) from None


def open_envelope(place: Workplace) -> Envelope:
    """The envelope of the database's data center. Raises CommandFailed when the master key is not there."""
    settings = settings_of(place)
    try:
        return Envelope(
            load_master_key(settings.master_key_path, create=not place.home.issuer), place.home.code
        )
    except (FileNotFoundError, ValueError) as problem:
        raise CommandFailed(f"The master key can't be used: {problem}") from None


async def offline_mint(place: Workplace) -> Mint:
    """A mint for one command."""
    issuer = place.home.issuer or "http://127.0.0.1"
    envelope = open_envelope(place)
    keyring: Keyring = await load_keyring(place.db, envelope)
    return Mint(
        db=place.db,
        data_centers=await load_data_centers(place.db, DataCenter(place.home.code, issuer, issuer)),
        keyring=keyring,
        catalog=await load_catalog(place.db),
        scope_sets=ScopeSets(place.db),
        limiter=Limiter(0),
        recorder=Recorder(place.db, place.home.code),
        access_token_seconds=3600,
    )
