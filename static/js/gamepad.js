/** The left stick of a gamepad: the speed follows the stick. Button B (the right one) is STOP. */

const PERIOD_MS = 50;
const DEAD_ZONE = 0.15;
const STOP_BUTTON = 1;

/**
 * @param {Drive} drive
 * @param {(axis: string) => boolean} isAllowed
 */
export function followGamepad(drive, isAllowed) {
  let timer = 0;
  let wasStop = false;
  const look = () => {
    const pad = [...navigator.getGamepads()].find((candidate) => candidate?.connected);
    const isStop = Boolean(pad?.buttons[STOP_BUTTON]?.pressed);
    if (isStop && !wasStop) drive.stop();
    wasStop = isStop;
    follow(drive, isAllowed, "pan", isStop ? 0 : (pad?.axes[0] ?? 0));
    follow(drive, isAllowed, "tilt", isStop ? 0 : -(pad?.axes[1] ?? 0));
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
}

function follow(drive, isAllowed, axis, stick) {
  const speed = shaped(stick);
  if (speed === 0 || !isAllowed(axis) || !document.hasFocus()) drive.release(`gamepad-${axis}`);
  else drive.hold(`gamepad-${axis}`, axis, speed);
}

/** 0 inside the dead zone, then from 0 to 1 without a jump; in steps of 1/20 so that a trembling hand says nothing. */
export function shaped(stick) {
  const size = (Math.abs(stick) - DEAD_ZONE) / (1 - DEAD_ZONE);
  return size <= 0 ? 0 : Math.sign(stick) * Math.min(1, Math.ceil(size * 20) / 20);
}
