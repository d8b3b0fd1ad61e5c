/** Dragging the picture moves the part of it that the zoom shows. */

const SLIP_PX = 8; // less is a click, which means something else

export class Pan {
  /** @param {HTMLElement} frame of the picture @param {(wish: object) => void} ask */
  constructor(frame, ask) {
    this.isAllowed = false;
    this._ask = ask;
    this._zoom = 1;
    this._center = { x: 0.5, y: 0.5 };
    this._drag = null;
    frame.addEventListener("pointerdown", (event) => this._begin(event));
    frame.addEventListener("pointermove", (event) => this._move(event));
    for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, () => (this._drag = null));
  }

  /** Where the zoom looks now, as the server says; not in the middle of a drag. */
  place(zoom, x, y) {
    this._zoom = zoom;
    if (!this._drag) this._center = { x, y };
  }

  _begin(event) {
    if (!this.isAllowed || event.button || !event.target.matches(".screen")) return;
    this._drag = { at: { x: event.clientX, y: event.clientY }, from: this._center, isMoving: false };
  }

  _move(event) {
    const drag = this._drag;
    if (!drag) return;
    const dx = event.clientX - drag.at.x;
    const dy = event.clientY - drag.at.y;
    if (!drag.isMoving && Math.hypot(dx, dy) <= SLIP_PX) return;
    if (!drag.isMoving) event.target.setPointerCapture?.(event.pointerId);
    drag.isMoving = true;
    const { width, height } = event.target.getBoundingClientRect();
    const half = 0.5 / this._zoom;
    const inside = (value) => Math.min(1 - half, Math.max(half, value));
    this._center = {
      x: inside(drag.from.x - dx / width / this._zoom),
      y: inside(drag.from.y - dy / height / this._zoom),
    };
    this._ask({ zoom_x: round(this._center.x), zoom_y: round(this._center.y) });
  }
}

function round(value) {
  return Math.round(value * 1000) / 1000;
}
