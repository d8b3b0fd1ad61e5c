/** The Trigger panel: hold one second to arm, then fire; why not stands beside it. */

import { partOf, setText } from "./dom.js";
import { sentence } from "./words.js";

const HOLD_MS = 1000;

export class Trigger {
  /** @param {HTMLElement} root @param {Turret} turret */
  constructor(root, turret) {
    this._turret = turret;
    this._arm = partOf(root, "arm");
    this._word = partOf(root, "arm-word");
    this._fire = partOf(root, "fire");
    this._why = partOf(root, "trigger-why");
    this._timer = 0;
    this._wire();
  }

  /** Write the state; called with every new one and several times a second for what counts down. */
  refresh() {
    const { state } = this._turret;
    const refusal = state?.trigger.reason ? sentence(state.trigger.reason) : this._turret.refusal("gunner");
    const isArmed = state?.trigger.armed ?? false;
    const coolingS = state ? this._turret.leftS(state.trigger.cooling_s) : 0;
    this._arm.disabled = refusal !== "" && !isArmed;
    this._fire.disabled = refusal !== "" || !isArmed || coolingS > 0 || state.trigger.firing;
    this._arm.dataset.armed = String(isArmed);
    setText(this._word, isArmed ? "Disarm" : "Hold to arm");
    setText(this._why, refusal || this._stateText(isArmed, coolingS));
    if (this._arm.disabled) this._letGo();
  }

  _stateText(isArmed, coolingS) {
    if (!isArmed) return "Safe. Hold for one second to arm.";
    if (coolingS > 0) return `Cooling, ready in ${Math.ceil(coolingS)} s.`;
    return `Armed for ${Math.ceil(this._turret.armedForS)} s.`;
  }

  _wire() {
    const arm = this._arm;
    arm.addEventListener("pointerdown", (event) => event.button === 0 && this._press());
    for (const kind of ["pointerup", "pointercancel", "pointerleave", "blur", "keyup"]) {
      arm.addEventListener(kind, () => this._letGo());
    }
    arm.addEventListener("keydown", (event) => event.key === "Enter" && !event.repeat && this._press());
    arm.addEventListener("contextmenu", (event) => event.preventDefault());
    arm.addEventListener("click", () => this._click());
    for (const kind of ["blur", "pagehide"]) window.addEventListener(kind, () => this._letGo());
    document.addEventListener("keydown", (event) => ["Escape", "Space"].includes(event.code) && this._letGo());
    document.addEventListener("submit", () => this._letGo()); // STOP
    this._fire.addEventListener("click", () => this._turret.tell("fire"));
  }

  _press() {
    this._wasArmed = this._turret.state.trigger.armed;
    this._hasArmed = false;
    if (this._wasArmed) return;
    this._arm.classList.add("is-held");
    clearTimeout(this._timer);
    this._timer = setTimeout(() => {
      this._hasArmed = true;
      this._letGo();
      this._turret.tell("arm");
    }, HOLD_MS);
  }

  _letGo() {
    clearTimeout(this._timer);
    this._arm.classList.remove("is-held");
  }

  /** A short press disarms; while safe it only says how to arm. The press that armed does neither. */
  _click() {
    if (this._hasArmed) this._hasArmed = false;
    else if (this._turret.state.trigger.armed) this._turret.tell("disarm");
    else this._turret.message.say("Hold for one second to arm.");
  }
}
