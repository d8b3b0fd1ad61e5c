"""What every JSON body that somebody sends us has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Wish(BaseModel):
    """A request's body: known fields only, numbers as numbers."""

    model_config = ConfigDict(extra="forbid", strict=True)
