/** A gamepad: the speed follows the left stick, the cross drives at full speed. Button B (the right one) is STOP. */

import { shaped } from "./pad.js";

const PERIOD_MS = 50;
const DEAD_ZONE = 0.15;
const STOP_BUTTON = 1;
const [UP, DOWN, LEFT, RIGHT] = [12, 13, 14, 15];
const SOURCE = "gamepad";

/**
 * Follow whatever gamepad is there, from now on.
 * @param {Drive} drive
 * @param {(axis: string) => boolean} isAllowed
 */
export function followGamepad(drive, isAllowed) {
  let timer = 0;
  let wasStop = false;
  let wasHeld = false;
  let mustRest = false;
  const look = () => {
    const pad = [...navigator.getGamepads()].find((candidate) => candidate?.connected);
    const isStop = isPressed(pad, STOP_BUTTON);
    if (isStop && !wasStop) drive.stop();
    wasStop = isStop;
    // After a STOP or a refusal the stick has to come back to its rest before it counts again.
    if (wasHeld && !drive.isHolding(SOURCE)) mustRest = true;
    const speeds = speedsOf(pad, isAllowed);
    const isResting = !Object.values(speeds).some(Boolean);
    if (isResting) mustRest = false;
    if (isResting || mustRest || !document.hasFocus()) drive.release(SOURCE);
    else drive.hold(SOURCE, speeds);
    wasHeld = drive.isHolding(SOURCE);
  };
  const start = () => {
    clearInterval(timer);
    if (!document.hidden && navigator.getGamepads?.().some(Boolean)) timer = setInterval(look, PERIOD_MS);
  };
  window.addEventListener("gamepadconnected", start);
  document.addEventListener("visibilitychange", start);
  window.addEventListener("gamepaddisconnected", () => {
    drive.abandon();
    start();
  });
  start();
}

/** Shares of the top speed, right and up positive; only of axes that may be moved. */
function speedsOf(pad, isAllowed) {
  const pan = stick(pad, 0) + isPressed(pad, RIGHT) - isPressed(pad, LEFT);
  const tilt = isPressed(pad, UP) - isPressed(pad, DOWN) - stick(pad, 1);
  const speeds = { pan: Math.max(-1, Math.min(1, pan)), tilt: Math.max(-1, Math.min(1, tilt)) };
  return Object.fromEntries(Object.entries(speeds).filter(([axis]) => isAllowed(axis)));
}

function stick(pad, number) {
  return shaped(pad?.axes[number] ?? 0, DEAD_ZONE);
}

function isPressed(pad, number) {
  return Boolean(pad?.buttons[number]?.pressed);
}
