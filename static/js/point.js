/** A click on the picture aims there, once it is known which place means which position. */

import { setData } from "./dom.js";
import { placeOf, showRing } from "./place.js";

const SLIP_PX = 8;

export class Point {
  /** @param {HTMLElement} frame of the picture @param {Turret} turret */
  constructor(frame, turret) {
    this._frame = frame;
    this._turret = turret;
    this._from = null;
    frame.addEventListener("pointerdown", (event) => (this._from = event));
    frame.addEventListener("click", (event) => this._click(event));
  }

  /** The cursor is a cross where a click aims. */
  refresh() {
    setData(this._frame, "aims", String(this._turret.state?.calibrated === true && !this._turret.refusal("operator")));
  }

  /** Only a click on the picture itself; where the pointer was dragged it meant something else. */
  _click(event) {
    const screen = event.target;
    if (!this._turret.state?.calibrated || !screen.matches(".screen") || this._isDragged(event)) return;
    const refusal = this._turret.refusal("operator");
    if (refusal) return this._turret.message.say(refusal);
    const place = placeOf(screen, event);
    if (!place) return;
    showRing(this._frame, screen, place);
    this._turret.tell("aim", place, { busy: "Aiming there." });
  }

  _isDragged(event) {
    const from = this._from;
    return from !== null && Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > SLIP_PX;
  }
}
