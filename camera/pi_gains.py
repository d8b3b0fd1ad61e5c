"""The Pi camera's white balance by hand: libcamera's ColourGains, as how much red and how much blue beside green.

Pure functions. Temperature and gains are two ways to say one thing, and what is said last counts: libcamera works the
other one out, and tells both with each frame (control_ids_core.yaml, ColourGains and ColourTemperature). Which of two
that come with the same frame wins is left open: on a Pi it is the temperature (src/ipa/rpi/common/ipa_base.cpp,
applyControls), elsewhere the gains (src/ipa/rkisp1/algorithms/awb.cpp); so they are never sent together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from camera import names
from camera.backend import Control

GAINS = "ColourGains"
RED, BLUE, TEMPERATURE, AUTOMATIC = names.RED, names.BLUE, names.TEMPERATURE, names.WHITE_BALANCE_AUTO
NAMES = (RED, BLUE)
LABELS = {RED: "Red balance", BLUE: "Blue balance"}
# A gain of 0 would switch the automatic on (awb.cpp of the Pi, setManualGains), which has a switch of its own.
LEAST = 0.1
STEP = 0.05
# What must have gone to the camera before: sent with the same frame it would undo this, by our names. A temperature has
# gone before a gain is set, since what it made of the other color was looked at.
NOT_WITH = {TEMPERATURE: (GAINS,), AUTOMATIC: (GAINS, "ColourTemperature")}
# How many frames after an order the camera's answer to it is surely among what it tells: all those in the making.
FRAMES = 5

Listed = Mapping[str, tuple[Any, Any]]
Values = Mapping[str, float]


def gain_controls(listed: Listed, own: Values) -> Iterator[Control]:
    """Red and blue; of libcamera's limits, one for both or one for each.

    :param own: what the camera itself decided last, the default where libcamera has none.
    """
    if GAINS not in listed:
        return
    limits = listed[GAINS][1]
    for index, name in enumerate(NAMES):
        least, most = max(LEAST, _one(limits.min, index) or 0.0), _one(limits.max, index)
        default = _one(limits.default, index) or own.get(name)
        if most is not None and most > least:
            yield Control(name, "number", least, most, STEP, default, default, "\u00d7", label=LABELS[name])


def gain_orders(told: Values) -> dict[str, Any]:
    """What picamera2 is told; nothing unless both gains are known."""
    return {GAINS: (told[RED], told[BLUE])} if RED in told and BLUE in told else {}


def decided(metadata: Mapping[str, Any]) -> dict[str, float]:
    """The gains a frame was made with, by our names; empty where its metadata do not tell."""
    pair = metadata.get(GAINS)
    return {} if pair is None else {name: round(float(gain), 4) for name, gain in zip(NAMES, pair, strict=True)}


def told_after(
    listed: Listed, told: Values, name: str, value: float, look: Callable[[int], Mapping[str, Any]]
) -> dict[str, float]:
    """What counts as told once `name` is set to `value`, beside what was told before.

    A gain takes the other one along. Switching the automatic off tells the gains it leaves, so that the picture stays
    as it is, also when the camera opens anew; switching it on makes it forget what was told by hand.

    :param look: metadata of the frame after so many.
    :raises TimeoutError: when the camera does not tell the other gain.
    """
    after = {**told, name: value}
    if name in NAMES:
        pair = {one: told[one] for one in NAMES if one in told} or decided(look(FRAMES))
        after = {**_without(after, TEMPERATURE), **pair, name: value}
        if not gain_orders(after):
            raise TimeoutError("the camera does not tell what it made of the other color")
    elif name == TEMPERATURE:
        after = _without(after, *NAMES)
    elif name == AUTOMATIC and value:
        after = _without(after, TEMPERATURE, *NAMES)
    elif name == AUTOMATIC and GAINS in listed and not _is_by_hand(told):
        after |= _left_by_the_automatic(look)
    return after


def kept(values: Values, told: Values) -> dict[str, float]:
    """What to remember of `values`: of temperature and gains what is told, and nothing else.

    What a camera did not take by hand, since it tells nothing of its frames in time, may come back another time.
    """
    if not _is_by_hand(told) and told.get(AUTOMATIC) == 0:
        return dict(values)
    by_hand = {name: told[name] for name in (TEMPERATURE, *NAMES) if name in told}
    return {**_without(values, TEMPERATURE, *NAMES), **by_hand}


def _is_by_hand(told: Values) -> bool:
    return any(name in told for name in (TEMPERATURE, *NAMES))


def _left_by_the_automatic(look: Callable[[int], Mapping[str, Any]]) -> dict[str, float]:
    """Nothing of a camera that does not tell: it keeps its gains all the same, as long as it is open."""
    try:
        found = decided(look(1))
    except TimeoutError:
        return {}
    return found if all(gain >= LEAST for gain in found.values()) else {}


def _without(values: Values, *names: str) -> dict[str, float]:
    return {name: value for name, value in values.items() if name not in names}


def _one(limit: Any, index: int) -> float | None:
    """A limit of one of the two."""
    found = limit[index] if isinstance(limit, list | tuple) else limit
    return None if found is None else float(found)
