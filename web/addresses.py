"""Under which addresses people can open us."""

from __future__ import annotations

import socket

from settings import ServerSettings

ANY_HOSTS = frozenset({"0.0.0.0", "::"})
# TEST-NET-1 (RFC 5737): connecting a datagram socket sends nothing, it only makes the kernel choose
# the address it would send from.
FAR_AWAY = ("192.0.2.1", 9)


def addresses(server: ServerSettings) -> list[str]:
    """URLs to open, the likeliest first."""
    if server.host not in ANY_HOSTS:
        return [_url(server, server.host)]
    return [_url(server, host) for host in dict.fromkeys((*_own_address(), socket.gethostname(), "localhost"))]


def _own_address() -> tuple[str, ...]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(FAR_AWAY)
        except OSError:
            return ()
        return (str(probe.getsockname()[0]),)


def _url(server: ServerSettings, host: str) -> str:
    scheme, usual_port = ("https", 443) if server.tls else ("http", 80)
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}/" if server.port == usual_port else f"{scheme}://{shown}:{server.port}/"
