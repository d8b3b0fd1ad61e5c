/** The touch pad: the speed follows how far a finger or the mouse was dragged from where it came down. */

import { partOf, setHidden } from "./dom.js";

const REACH_PX = 64; // full speed: about as far as a thumb turns without the hand
const DEAD_ZONE = 0.12;
const PERIOD_MS = 50;
const SOURCE = "pad";

export class Pad {
  /**
   * @param {HTMLElement} root
   * @param {Drive} drive
   * @param {(axis: string) => boolean} isAllowed
   */
  constructor(root, drive, isAllowed) {
    this._pad = partOf(root, "pad");
    this._knob = partOf(root, "knob");
    this._drive = drive;
    this._isAllowed = isAllowed;
    this._pointer = null;
    this._from = [0, 0];
    this._speeds = {};
    this._timer = 0;
    this._wire();
  }

  /** May anything be moved now? */
  refresh() {
    const isGreyed = !["pan", "tilt"].some(this._isAllowed);
    this._pad.setAttribute("aria-disabled", String(isGreyed));
    if (isGreyed || !this._drive.isHolding(SOURCE)) this._letGo();
  }

  _wire() {
    const pad = this._pad;
    pad.addEventListener("pointerdown", (event) => this._press(event));
    pad.addEventListener("pointermove", (event) => this._move(event));
    pad.addEventListener("pointerup", (event) => event.pointerId === this._pointer && this._letGo());
    for (const kind of ["pointercancel", "lostpointercapture"]) {
      pad.addEventListener(kind, (event) => {
        if (event.pointerId !== this._pointer) return;
        this._drive.abandon();
        this._letGo();
      });
    }
    pad.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  _press(event) {
    if (event.button !== 0 || this._pointer !== null || !["pan", "tilt"].some(this._isAllowed)) return;
    event.preventDefault();
    this._pad.setPointerCapture(event.pointerId);
    this._pointer = event.pointerId;
    this._from = [event.clientX, event.clientY];
    const box = this._pad.getBoundingClientRect();
    this._knob.style.left = `${event.clientX - box.left}px`;
    this._knob.style.top = `${event.clientY - box.top}px`;
    setHidden(this._knob, false);
    this._show(0, 0);
    this._speeds = this._allowed(0, 0);
    this._drive.hold(SOURCE, this._speeds);
  }

  /** Many moves make one wish every PERIOD_MS; after a STOP or a refusal the finger has to come down anew. */
  _move(event) {
    if (event.pointerId !== this._pointer) return;
    const [x, y] = [event.clientX - this._from[0], event.clientY - this._from[1]];
    this._show(x, y);
    this._speeds = this._allowed(shaped(x / REACH_PX, DEAD_ZONE), shaped(-y / REACH_PX, DEAD_ZONE));
    this._timer ||= setTimeout(() => {
      this._timer = 0;
      if (this._drive.isHolding(SOURCE)) this._drive.hold(SOURCE, this._speeds);
    }, PERIOD_MS);
  }

  _letGo() {
    clearTimeout(this._timer);
    this._timer = 0;
    this._pointer = null;
    setHidden(this._knob, true);
    this._drive.release(SOURCE);
  }

  _allowed(pan, tilt) {
    return Object.fromEntries(Object.entries({ pan, tilt }).filter(([axis]) => this._isAllowed(axis)));
  }

  /** The knob follows the finger, no farther than full speed. */
  _show(x, y) {
    const scale = Math.min(1, REACH_PX / (Math.hypot(x, y) || 1));
    this._knob.style.setProperty("--x", `${x * scale}px`);
    this._knob.style.setProperty("--y", `${y * scale}px`);
  }
}

/**
 * What a deflection, -1..1, means: 0 inside the dead zone, then from 0 to 1 without a jump; in steps of 1/20 so that
 * a trembling hand says nothing.
 */
export function shaped(deflection, deadZone) {
  const size = (Math.abs(deflection) - deadZone) / (1 - deadZone);
  return size <= 0 ? 0 : Math.sign(deflection) * Math.min(1, Math.ceil(size * 20) / 20);
}
