"""[server] and [log]."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from settings.section import OptionalPath, Section, Words


class ServerSettings(Section):
    """[server]: where we listen and for how many."""

    host: str = Field("0.0.0.0", min_length=1)
    port: int = Field(5000, ge=1, le=65535)
    media_dir: Path = Path("media")
    max_viewers: int = Field(256, ge=1, le=4096)
    viewer_timeout_s: float = Field(10.0, ge=1, le=300)
    tls: bool = False
    tls_certificate: OptionalPath = None
    tls_key: OptionalPath = None
    trusted_proxies: int = Field(0, ge=0, le=8)
    allowed_hosts: Words = ()

    @model_validator(mode="after")
    def _tls_has_its_files(self) -> ServerSettings:
        if self.tls and (self.tls_certificate is None or self.tls_key is None):
            raise ValueError("tls = on needs tls_certificate and tls_key")
        return self


class LogSettings(Section):
    """[log]: how much we say on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
