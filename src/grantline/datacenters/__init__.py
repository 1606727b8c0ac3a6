"""Data centers: each is one issuer with one database, and keeps its own people's data (R14, R24, R71)."""

from grantline.datacenters.clock import MOST_ASTRAY_SECONDS, Clock, NodeClock, system_clock
from grantline.datacenters.data_center import DataCenter, DataCenters
from grantline.datacenters.home import Home, WrongDataCenter, find_home, settle
from grantline.datacenters.pulse import Pulse, find_pulse, write_time

__all__ = [
    "MOST_ASTRAY_SECONDS",
    "Clock",
    "DataCenter",
    "DataCenters",
    "Home",
    "NodeClock",
    "Pulse",
    "WrongDataCenter",
    "find_home",
    "find_pulse",
    "settle",
    "system_clock",
    "write_time",
]
