"""What the retention rules of config.txt will do, in sentences for the gallery."""

from __future__ import annotations

from settings.media import RetentionSettings
from web.words import size_text

KINDS = {"photo": "Photos", "video": "Videos", "timelapse": "Timelapses"}


def rules(retention: RetentionSettings, floor_bytes: int | None) -> list[str]:
    """One sentence per rule that may remove something; without any, that nothing is removed."""
    found = []
    if floor_bytes:
        found.append(
            f"When less than {size_text(floor_bytes)} is free, the oldest items go first until there is room again."
        )
    found += [sentence for kind in KINDS if (sentence := _limits(retention, kind))]
    if not found:
        return ["Nothing is removed by itself."]
    return [*found, "Protected items are never removed."]


def _limits(retention: RetentionSettings, kind: str) -> str:
    days, count, gb = (getattr(retention, f"{kind}_{limit}") for limit in ("days", "count", "gb"))
    parts = []
    if days:
        parts.append(f"after {days:g} {'day' if days == 1 else 'days'}")
    if count:
        parts.append(f"beyond {count:,} of them")
    if gb:
        parts.append(f"beyond {gb:g} GB together")
    return f"{KINDS[kind]} are removed {' and '.join(parts)}." if parts else ""
