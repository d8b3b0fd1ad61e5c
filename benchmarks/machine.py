"""The machine we measure on: its name, a network of our own, and where processes' CPU time is read."""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import socket
import struct
import time
from pathlib import Path

CLONE_NEWNET = 0x40000000  # linux/sched.h
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914  # linux/sockios.h
IFF_UP = 0x1
CONGESTION = Path("/proc/sys/net/ipv4/tcp_congestion_control")
PACING = ("bbr", "bbr2", "bbr3")


def describe() -> dict[str, str]:
    """Processor, cores, kernel, Python: the line that makes figures comparable."""
    return {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "congestion_control": _read(CONGESTION) or "unknown",
    }


def _cpu_model() -> str:
    lines = _read(Path("/proc/cpuinfo")).splitlines()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return named[0] if named else platform.processor() or "unknown processor"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def enter_own_network() -> str:
    """Move this process, and what it starts, into a network namespace with TCP Reno, if that is needed.

    BBR paces with timers even on loopback, which hides what the servers cost. The namespace ends with
    its last process. Returns one sentence saying what was done.
    """
    used = _read(CONGESTION)
    if used not in PACING:
        return f"congestion control is {used or 'unknown'}: measured in the machine's own network"
    try:
        _unshare_network()
        _raise_loopback()
        CONGESTION.write_text("reno")
    except OSError as error:
        return f"congestion control is {used}, which paces on loopback; no network of our own ({error}): run as root"
    return f"the machine's congestion control is {used}: measured in a network namespace of its own with reno"


def _unshare_network() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


def cpu_seconds(pid: int) -> float:
    """CPU seconds a process used so far, in nanosecond steps (clock_getcpuclockid(3), Linux's encoding)."""
    return time.clock_gettime((~pid << 3) | 2)


def rss_kb(pid: int) -> int:
    """Resident memory of a process, kB."""
    pages = int(_read(Path(f"/proc/{pid}/statm")).split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
