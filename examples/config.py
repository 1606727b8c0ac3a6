"""The file that the console gives for a sample: found, completed with a secret that it lacks, and kept."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from getpass import getpass
from pathlib import Path
from typing import Any

from examples.places import HERE, console_address, data_folder, demo_facts, write_private
from grantline.sdk.setup import issuer_in


class NoConfig(Exception):
    """There is no configuration, or none that can be used; the message says what to do."""


def find_config(name: str, given: str = "") -> Path:
    """The configuration of the sample: the file that was given, which is kept, or the one kept before.
    Raises NoConfig."""
    kept = data_folder(name) / f"{name}.json"
    file = _first([Path(given)] if given else [HERE / name / f"{name}.json", kept], given, name)
    members = _read(file)
    # The console does not know a secret that it showed before, and leaves it out beside a new code.
    if members.get("client_secret", "" if "code" in members else None) == "":
        members["client_secret"] = _find_secret(members)
    if file != kept or _read(kept) != members:
        write_private(kept, json.dumps(members, indent=2))
    return kept


def _first(files: Sequence[Path], given: str, name: str) -> Path:
    for file in files:
        if file.is_file():
            return file
    start = f"There is no file {given}." if given else f"This sample is not registered yet: {name}."
    running = "" if demo_facts() else "  (start Grantline first: ./run)"
    raise NoConfig(
        f"{start}\n"
        f"Register it: {console_address()}/samples/{name}{running}\n"
        f"Then type:   ./examples/run {name} --config ~/Downloads/{name}.json"
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        members = json.loads(file.read_text())
        if not isinstance(members, dict) or not members.get("client_id"):
            raise ValueError
    except (OSError, ValueError):
        raise NoConfig(f"{file} is not a file of the console. Download it again.") from None
    return members


def _find_secret(wanted: Mapping[str, Any]) -> str:
    """The secret of this client: from the environment, from the demo or another sample, or typed in. What is
    known of one server goes to no other, whatever a file says."""
    known = os.environ.get("GRANTLINE_CLIENT_SECRET", "")
    if known:
        return known
    client_id, issuer = wanted["client_id"], issuer_in(wanted)
    for members in _others():
        same = (members.get("client_id"), issuer_in(members)) == (client_id, issuer)
        if same and members.get("client_secret"):
            return str(members["client_secret"])
    if not sys.stdin.isatty():
        raise NoConfig(f"Put the secret of {client_id} into GRANTLINE_CLIENT_SECRET, then start again.")
    return getpass(f"Secret of {client_id} at {issuer}: ").strip()


def _others() -> Iterator[Mapping[str, Any]]:
    facts = demo_facts()
    issuers = {center["code"]: center["issuer"] for center in facts.get("data_centers", ())}
    for client in facts.get("clients", {}).values():
        yield {**client, "issuer": issuers.get(client.get("data_center"), "")}
    for file in data_folder("").glob("*/*.json"):
        try:
            yield _read(file)
        except NoConfig:
            continue
