"""Data centers: each is one issuer with one database, and keeps its own people's data (R14, R24, R71).

`registry.py` reads the file that lists them, `known.py` keeps what it said, `messages.py` is the form of what
they say to one another; what they say is in `crossing`.
"""

from grantline.datacenters.clock import MOST_ASTRAY_SECONDS, Clock, NodeClock, system_clock
from grantline.datacenters.data_center import DataCenter, DataCenters
from grantline.datacenters.hearing import SILENT_SECONDS, check_heard
from grantline.datacenters.home import Home, WrongDataCenter, find_home, settle
from grantline.datacenters.known import (
    Standing,
    claim_comparison,
    find_heard_at,
    find_registry_problem,
    list_standings,
    load_data_centers,
    note_heard,
    note_registry_problem,
    note_told,
    release_comparison,
    store_data_centers,
    was_told,
)
from grantline.datacenters.messages import (
    ADDRESS,
    HEADER,
    LARGEST_BODY,
    Message,
    MessageRefused,
    claims_of_message,
    take_message,
    verify_message,
)
from grantline.datacenters.messages import TYPE as MESSAGE_TYPE
from grantline.datacenters.pulse import Pulse, find_pulse, write_time
from grantline.datacenters.registry import RegistryRefused, parse_registry, read_registry

__all__ = [
    "ADDRESS",
    "HEADER",
    "LARGEST_BODY",
    "MESSAGE_TYPE",
    "MOST_ASTRAY_SECONDS",
    "SILENT_SECONDS",
    "Clock",
    "DataCenter",
    "DataCenters",
    "Home",
    "Message",
    "MessageRefused",
    "NodeClock",
    "Pulse",
    "RegistryRefused",
    "Standing",
    "WrongDataCenter",
    "check_heard",
    "claim_comparison",
    "claims_of_message",
    "find_heard_at",
    "find_home",
    "find_pulse",
    "find_registry_problem",
    "list_standings",
    "load_data_centers",
    "note_heard",
    "note_registry_problem",
    "note_told",
    "parse_registry",
    "read_registry",
    "release_comparison",
    "settle",
    "store_data_centers",
    "system_clock",
    "take_message",
    "verify_message",
    "was_told",
    "write_time",
]
