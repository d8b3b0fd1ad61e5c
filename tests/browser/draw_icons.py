"""Draws static/favicon.ico and static/apple-touch-icon.png from static/favicon.svg. Run after changing the SVG.

    .venv/bin/python tests/browser/draw_icons.py

The ICO holds PNGs of 16, 32 and 48 pixels (layout: Microsoft, "Icons", ICONDIR and ICONDIRENTRY).
"""

from __future__ import annotations

import struct
from pathlib import Path

from chromium import browser
from playwright.sync_api import Browser

STATIC = Path(__file__).resolve().parents[2] / "static"
ICO_SIDES_PX = (16, 32, 48)
TOUCH_SIDE_PX = 180
TOUCH_GROUND = "#fffdf9"
TOUCH_MARGIN_PX = 18


def png(chrome: Browser, svg: str, side_px: int, ground: str = "transparent", margin_px: int = 0) -> bytes:
    """The SVG as a square PNG."""
    page = chrome.new_page(viewport={"width": side_px, "height": side_px})
    page.set_content(
        f"<style>body{{margin:0;padding:{margin_px}px;background:{ground};box-sizing:border-box;height:100vh}}"
        f"svg{{display:block;width:100%;height:100%}}</style>{svg}"
    )
    data = page.screenshot(omit_background=True)
    page.close()
    return data


def ico(pictures: dict[int, bytes]) -> bytes:
    """An icon file of PNGs, by side in pixels."""
    head = struct.pack("<HHH", 0, 1, len(pictures))
    offset = len(head) + 16 * len(pictures)
    entries = b""
    for side_px, data in pictures.items():
        entries += struct.pack("<BBBBHHII", side_px, side_px, 0, 0, 1, 32, len(data), offset)
        offset += len(data)
    return head + entries + b"".join(pictures.values())


def main() -> None:
    svg = (STATIC / "favicon.svg").read_text(encoding="utf-8")
    with browser() as chrome:
        (STATIC / "favicon.ico").write_bytes(ico({side: png(chrome, svg, side) for side in ICO_SIDES_PX}))
        touch = png(chrome, svg, TOUCH_SIDE_PX, TOUCH_GROUND, TOUCH_MARGIN_PX)
        (STATIC / "apple-touch-icon.png").write_bytes(touch)


if __name__ == "__main__":
    main()
