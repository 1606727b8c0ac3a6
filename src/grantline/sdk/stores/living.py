"""Which process this is, so that another one on the same machine can tell whether it still runs."""

import os
import socket
import sys
from pathlib import Path


def this_process() -> str:
    """Where processes have one another's numbers (this start of this machine, this container), and the number
    and start of this one."""
    return f"{_here()} {os.getpid()} {_start(os.getpid())}"


def is_gone(process: str) -> bool:
    """Whether this process certainly runs no more: False where it can't be told."""
    here, _, rest = process.partition(" ")
    number, _, start = rest.partition(" ")
    if here != _here() or not (number.isascii() and number.isdecimal()) or sys.platform == "win32":
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return _start(int(number)) != start


def _here() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname().replace(" ", "-")


def _start(number: int) -> str:
    """When a process started, as its system counts; empty where it does not say."""
    try:
        stat = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]  # one that ended and was not waited for does nothing more
