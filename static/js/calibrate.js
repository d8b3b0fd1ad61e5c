/**
 * Teaching which place in the picture means which position: two steps, each a click on the picture. It is no window
 * in front of everything, because between the clicks the turret has to be turned.
 */

import { make, setHidden, setText } from "./dom.js";
import { moveTo, placeOf, showRing } from "./place.js";

const NUDGES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const NUDGE = 0.01;
const UPRIGHT = "(max-width: 900px) and (orientation: portrait)";
const WAYS = { pan: "sideways", tilt: "up or down" };
const STEPS = {
  moving: [
    "Find something small that stands still, and click on it in the picture.",
    "Now turn the turret WAYS, so far that the same thing is seen elsewhere, and click on it again.",
  ],
  fixed: [
    "Turn the turret until it points at something small that you see, and click on that in the picture.",
    "Now turn it WAYS to something else that is well apart, and click on that.",
  ],
};

/** The card and the picture as something to click on; removes itself when it is done. */
export class Calibration {
  /**
   * @param {HTMLElement} frame of the picture
   * @param {Turret} turret
   * @param {() => void} onEnd called once, after it closed
   */
  constructor(frame, turret, onEnd) {
    this._frame = frame;
    this._turret = turret;
    this._onEnd = onEnd;
    this._screen = frame.querySelector(".screen");
    this._points = [];
    this._isLooking = false;
    this._camera = "moving";
    this._cross = { x: 0.5, y: 0.5 };
    this._build();
    this._show();
  }

  close() {
    if (!this._card.isConnected) return; // cancelled already
    this._card.remove();
    this._picker.remove();
    this._onEnd();
  }

  _build() {
    this._step = make("b", { id: "calibrate-step" });
    this._text = make("p", { role: "status" });
    this._kinds = ["moving", "fixed"].map((camera) => {
      const words = camera === "moving" ? "Camera moves with the turret" : "Camera stands still";
      return make("button", { type: "button", class: "button", onclick: () => this._choose(camera) }, words);
    });
    this._choice = make("div", { class: "two", role: "group", "aria-label": "How the camera is mounted" }, ...this._kinds);
    this._again = make("button", { type: "button", class: "button", onclick: () => this._restart() }, "Start again");
    const cancel = make("button", { type: "button", class: "button", onclick: () => this.close() }, "Cancel");
    this._card = make(
      "section", { class: "calibrate", role: "dialog", "aria-labelledby": "calibrate-step", tabindex: -1 },
      make("div", { class: "calibrate-head" }, this._step, this._again, cancel), this._text, this._choice,
    );
    this._buildPicker();
    this._frame.closest(".stage").after(this._card);
    window.scrollTo(0, 0); // to the picture and the arrows, where both have their place
    if (matchMedia(UPRIGHT).matches) this._frame.scrollIntoView();
    this._card.focus({ preventScroll: true });
  }

  /** Over the picture: clicked with the mouse or a finger; with keys, a cross that the arrows move and Enter sets. */
  _buildPicker() {
    this._mark = make("i", { class: "cross" });
    const label = "Picture: the arrows move the cross, Enter chooses the place";
    this._picker = make("div", { class: "picker", role: "application", tabindex: 0, "aria-label": label }, this._mark);
    this._picker.addEventListener("click", (event) => this._pick(placeOf(this._screen, event)));
    this._picker.addEventListener("keydown", (event) => this._key(event));
    this._screen.after(this._picker);
    moveTo(this._mark, this._frame, this._screen, this._cross);
  }

  _key(event) {
    if (event.key === "Enter") this._pick(this._cross);
    const [x, y] = NUDGES[event.code] ?? [];
    if (x === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation(); // here the arrows do not drive
    const share = event.shiftKey ? 5 * NUDGE : NUDGE;
    const within = (value) => Math.max(0, Math.min(1, value));
    this._cross = { x: within(this._cross.x + x * share), y: within(this._cross.y + y * share) };
    moveTo(this._mark, this._frame, this._screen, this._cross);
  }

  _choose(camera) {
    this._camera = camera;
    this._restart();
  }

  _restart() {
    this._points = [];
    this._show();
  }

  _show() {
    const number = this._points.length;
    setText(this._step, `Click to aim: step ${number + 1} of 2`);
    setText(this._text, STEPS[this._camera][number].replace("WAYS", this._ways));
    setHidden(this._choice, number > 0);
    setHidden(this._again, number === 0);
    this._kinds.forEach((kind, index) => kind.setAttribute("aria-pressed", String((this._camera === "moving") === (index === 0))));
  }

  get _ways() {
    const ways = this._turret.servos.map((axis) => WAYS[axis]);
    return ways.length === 2 ? `both ${ways.join(" and ")}` : ways[0];
  }

  /** One place at a time; where it was cancelled or begun anew while the answer was under way, it is none. */
  async _pick(place) {
    if (!place || this._isLooking || this._points.length === 2) return;
    const points = this._points;
    this._isLooking = true;
    const isSeen = await this._turret.saying({}, () => this._turret.look());
    this._isLooking = false;
    if (isSeen && points === this._points && this._card.isConnected) this._take(place);
  }

  _take(place) {
    const point = { ...place, pan_deg: null, tilt_deg: null };
    for (const axis of this._turret.servos) point[`${axis}_deg`] = this._turret.state[axis].position_deg;
    if (this._turret.servos.some((axis) => this._turret.state[axis].moving)) {
      return this._turret.message.say("Wait until the turret stands still."); // a moving turret is nowhere
    }
    showRing(this._frame, this._screen, place);
    this._points.push(point);
    if (this._points.length === 2) this._send();
    else this._show();
  }

  /** Whether both are far enough from each other is the server's rule, and told in its words; the first one stays good. */
  async _send() {
    const points = this._points;
    const wish = { camera: this._camera, points };
    const words = { busy: "Keeping it.", done: "Now a click on the picture aims there." };
    const isDone = await this._turret.saying(words, () => this._turret.ask("PUT", "calibration", wish));
    if (isDone) return this.close();
    points.pop();
    this._show();
  }
}
