/** The Aim panel: jog cross or touch pad, keys, steps, home, STOP, and where it looks. */

import { lazily, partOf, setData, setHidden, setText } from "./dom.js";
import { isTyping } from "./turret.js";
import { sentence } from "./words.js";

const KEYS = {
  ArrowUp: ["tilt", 1], ArrowDown: ["tilt", -1], ArrowLeft: ["pan", -1], ArrowRight: ["pan", 1],
  KeyW: ["tilt", 1], KeyS: ["tilt", -1], KeyA: ["pan", -1], KeyD: ["pan", 1],
};
const KEPT_AS = "aim-step";
const STOPPING = { busy: "Stopping.", done: "Stopped." };
const PARTS = ["jog", "home", "aim-why", "aim-warnings", "pan-read", "tilt-read", "home-in"];

export class Aim {
  /** @param {HTMLElement} root @param {Turret} turret @param {Drive} drive */
  constructor(root, turret, drive) {
    this._turret = turret;
    this._drive = drive;
    this._parts = Object.fromEntries(PARTS.map((name) => [name, partOf(root, name)]));
    this._root = root;
    this._pad = null;
    this._arrows = [...root.querySelectorAll("[data-axis]")];
    this._chips = [...root.querySelectorAll("[data-step]")];
    this._isStepping = false;
    this._wireArrows();
    this._wireButtons(root);
    this._wireInterruptions();
    this._choose(localStorage.getItem(KEPT_AS));
    drive.onChange = () => this._showDriven();
  }

  /** Write the state; called with every new one and several times a second for what counts down. */
  refresh() {
    const { state } = this._turret;
    const refusal = this._turret.refusal("operator");
    for (const arrow of this._arrows) arrow.disabled = !this.isAllowed(arrow.dataset.axis);
    for (const chip of this._chips) chip.disabled = this._turret.roleRefusal("operator") !== "";
    this._parts.home.disabled = refusal !== "" || !this._turret.servos.length;
    if (refusal) this._drive.abandon();
    this._pad?.refresh();
    setText(this._parts["aim-why"], refusal || this._homeRefusal());
    setHidden(this._parts["aim-why"], !this._parts["aim-why"].textContent);
    for (const axis of ["pan", "tilt"]) this._showAxis(axis, state?.[axis]);
    this._showSteps(state);
    this._showHomeIn(state);
    this._showWarnings(state?.warnings ?? []);
  }

  /** May we move this axis now? */
  isAllowed(axis) {
    return this._turret.refusal("operator") === "" && this._turret.state[axis].kind !== "none";
  }

  /** The arrows light up whatever drives: key, stick or finger. */
  _showDriven() {
    for (const arrow of this._arrows) {
      const speed = this._drive.speedOf(arrow.dataset.axis) ?? 0;
      arrow.classList.toggle("is-driven", Math.sign(speed) === Number(arrow.dataset.sign));
    }
  }

  _homeRefusal() {
    return this._turret.servos.length ? "" : "Home needs a servo: a motor does not know where it points.";
  }

  _showAxis(name, axis) {
    const part = this._parts[`${name}-read`];
    setText(part, axis ? axisText(name, axis) : "");
    part.classList.toggle("at-limit", isAtLimit(axis));
  }

  /** Motors know clicks, no degrees. */
  _showSteps(state) {
    if (!state) return;
    const hasDegrees = this._turret.servos.length > 0;
    for (const chip of this._chips) {
      if (!Number(chip.dataset.step)) continue;
      setHidden(chip, !hasDegrees && chip.dataset.step !== "1");
      setText(chip, hasDegrees ? `${chip.dataset.step}°` : "1 click");
    }
  }

  _showHomeIn(state) {
    const inS = state?.home_in_s ?? null;
    setText(this._parts["home-in"], inS === null ? "" : `goes home in ${Math.ceil(this._turret.leftS(inS))} s`);
  }

  _showWarnings(warnings) {
    setText(this._parts["aim-warnings"], warnings.map(sentence).join("\n"));
    setHidden(this._parts["aim-warnings"], warnings.length === 0);
  }

  _wireArrows() {
    for (const arrow of this._arrows) {
      arrow.addEventListener("pointerdown", (event) => this._press(arrow, event));
      arrow.addEventListener("pointerup", (event) => this._drive.release(sourceOf(event)));
      for (const kind of ["pointercancel", "lostpointercapture"]) {
        arrow.addEventListener(kind, (event) => this._drive.isHolding(sourceOf(event)) && this._drive.abandon());
      }
      arrow.addEventListener("contextmenu", (event) => event.preventDefault());
      arrow.addEventListener("click", (event) => this._click(arrow, event));
    }
    document.addEventListener("keydown", (event) => this._keyDown(event));
    document.addEventListener("keyup", (event) => this._keyUp(event));
  }

  _wireButtons(root) {
    for (const chip of this._chips) chip.addEventListener("click", () => this._choose(chip.dataset.step));
    this._parts.home.addEventListener("click", () => {
      this._turret.tell("home", undefined, { busy: "Going home.", done: "Going home." });
    });
    partOf(root, "stop").addEventListener("submit", (event) => {
      event.preventDefault();
      this._drive.stop(STOPPING);
    });
  }

  _wireInterruptions() {
    window.addEventListener("blur", () => this._drive.abandon());
    window.addEventListener("pagehide", () => this._drive.abandon());
    document.addEventListener("visibilitychange", () => document.hidden && this._drive.abandon());
  }

  get _isHoldToMove() {
    return !Number(this._step);
  }

  _press(arrow, event) {
    if (!this._isHoldToMove || event.button !== 0 || arrow.disabled) return;
    arrow.setPointerCapture(event.pointerId);
    this._drive.hold(sourceOf(event), { [arrow.dataset.axis]: Number(arrow.dataset.sign) });
  }

  /** The Enter key on an arrow has no length: it is a step in every mode. */
  _click(arrow, event) {
    if (this._isHoldToMove && event.detail > 0) return;
    this._move(arrow.dataset.axis, Number(arrow.dataset.sign));
  }

  _keyDown(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.code === "Space" || event.code === "Escape") this._stopKey(event);
    const [axis, sign] = KEYS[event.code] ?? [];
    if (!axis || isTyping(event.target) || document.querySelector("dialog[open]") || !this.isAllowed(axis)) return;
    event.preventDefault();
    if (event.repeat) return;
    if (this._isHoldToMove) this._drive.hold(event.code, { [axis]: sign });
    else this._move(axis, sign);
  }

  /** STOP by key. Space must not press what has the focus; Esc closes an open dialog first. */
  _stopKey(event) {
    if (isTyping(event.target, false)) return;
    if (event.code === "Escape" && document.querySelector("dialog[open]")) return;
    if (event.code === "Space") event.preventDefault();
    if (!event.repeat) this._drive.stop(STOPPING);
  }

  _keyUp(event) {
    this._drive.release(event.code);
    if (event.code === "Space" && !isTyping(event.target, false)) event.preventDefault();
  }

  /** One step; pressed again before the answer it is dropped, for nothing is ever queued. */
  async _move(axis, sign) {
    if (this._isStepping) return;
    this._isStepping = true;
    const isServo = this._turret.state[axis].kind === "servo";
    const degrees = Number(this._step);
    const wish = isServo && degrees ? { [`${axis}_deg`]: sign * degrees } : { [axis]: sign };
    await this._turret.tell("step", wish, { busy: "Moving." });
    this._isStepping = false;
  }

  /** @param {string | null} step degrees of one press, "hold", or "pad" for the touch pad */
  _choose(step) {
    this._step = this._chips.some((chip) => chip.dataset.step === step) ? step : "hold";
    localStorage.setItem(KEPT_AS, this._step);
    this._drive.abandon();
    setData(this._parts.jog, "kind", this._step === "pad" ? "pad" : "cross");
    for (const chip of this._chips) chip.setAttribute("aria-pressed", String(chip.dataset.step === this._step));
    if (this._step === "pad") this._openPad();
  }

  async _openPad() {
    const module = this._pad ? null : await lazily(import("./pad.js"), this._turret.message);
    if (module) this._pad ??= new module.Pad(this._root, this._drive, (axis) => this.isAllowed(axis));
    this._pad?.refresh();
  }
}

function sourceOf(event) {
  return `pointer-${event.pointerId}`;
}

/** Does it stand where it can go no further? The state also says so of one that is on its way there. */
function isAtLimit(axis) {
  return Boolean(axis?.at_limit) && !axis.moving;
}

/** tilt 12.5° of 0…180°; a motor only knows how long it may run, and what is not there says why. */
export function axisText(name, axis) {
  const mark = isAtLimit(axis) ? ", at its limit" : "";
  if (axis.kind === "none") return `no ${name}: ${sentence(axis.reason ?? "it is not there")}`;
  if (axis.position_deg === null) return `${name}: ${runText(axis)}${mark}`;
  const [lowest, highest] = axis.limits_deg;
  return `${name} ${axis.position_deg.toFixed(1)}° of ${lowest}…${highest}°${mark}`;
}

/** How long a motor may still run each way before its cable is wound up. */
function runText({ net_run_s: netS, net_run_limit_s: limitS }) {
  if (!limitS) return "no sensor";
  const [left, right] = [limitS + netS, limitS - netS].map((seconds) => Math.max(0, seconds).toFixed(1));
  return `${left} s left, ${right} s right to run`;
}
