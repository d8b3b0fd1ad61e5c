/** The Trigger panel: hold one second to arm, then fire; why not stands beside it. */

import { partOf, setText } from "./dom.js";
import { Press } from "./press.js";
import { sentence } from "./words.js";

const HOLD_MS = 1000;
const RENEW_MS = 5000;

export class Trigger {
  /** @param {HTMLElement} root @param {Turret} turret */
  constructor(root, turret) {
    this._turret = turret;
    this._arm = partOf(root, "arm");
    this._word = partOf(root, "arm-word");
    this._fire = partOf(root, "fire");
    this._why = partOf(root, "trigger-why");
    this._press = new Press(HOLD_MS);
    this._renewal = 0;
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
    if (this._arm.disabled) this._press.end();
    if (!isArmed || !this._turret.isMine) this._stopRenewing();
  }

  _stateText(isArmed, coolingS) {
    if (!isArmed) return "Safe. Hold for one second to arm.";
    if (coolingS > 0) return `Cooling, ready in ${Math.ceil(coolingS)} s.`;
    return `Armed for ${Math.ceil(this._turret.armedForS)} s.`;
  }

  _wire() {
    const arm = this._arm;
    const letGo = () => this._press.end();
    arm.addEventListener("pointerdown", (event) => event.button === 0 && this._begin());
    for (const kind of ["pointerup", "pointercancel", "pointerleave", "blur", "keyup"]) arm.addEventListener(kind, letGo);
    arm.addEventListener("keydown", (event) => event.key === "Enter" && !event.repeat && this._begin());
    arm.addEventListener("contextmenu", (event) => event.preventDefault());
    arm.addEventListener("click", () => this._click());
    for (const kind of ["blur", "pagehide"]) window.addEventListener(kind, letGo);
    document.addEventListener("keydown", (event) => ["Escape", "Space"].includes(event.code) && letGo());
    document.addEventListener("submit", letGo); // STOP
    this._fire.addEventListener("click", () => this._turret.tell("fire", undefined, { busy: "Firing.", done: "Fired." }));
  }

  _begin() {
    this._press.wasHeld = false;
    if (!this._turret.state.trigger.armed) this._press.begin(this._arm, () => this._armNow());
  }

  async _armNow() {
    if (await this._turret.tell("arm", undefined, { busy: "Arming." })) this._renewControls();
  }

  /** Armed, the controls stay ours as long as somebody may be looking at this page; the arm time-out ends it. */
  _renewControls() {
    this._stopRenewing();
    const { state } = this._turret;
    if (!state?.trigger.armed) return;
    const periodMs = Math.min(RENEW_MS, (state.lease.seconds_left * 1000) / 3);
    this._renewal = setInterval(() => document.hidden || this._turret.tell("lease", {}), periodMs);
  }

  _stopRenewing() {
    clearInterval(this._renewal);
  }

  /** A short press disarms; while safe it only says how to arm. The press that armed does neither. */
  _click() {
    if (this._press.wasHeld) this._press.wasHeld = false;
    else if (this._turret.state.trigger.armed) this._turret.tell("disarm", undefined, { busy: "Disarming." });
    else this._turret.message.say("Hold for one second to arm.");
  }
}
