/** Who drives and for how long; taking, asking for, giving and keeping the controls. */

import { partOf, setHidden, setText } from "./dom.js";
import { driverText } from "./turret.js";

const PARTS = ["lease-who", "lease-take", "lease-give", "lease-ask", "asked", "asked-who", "asked-give", "asked-keep"];

export class Controls {
  /** @param {Turret} turret */
  constructor(turret) {
    this._turret = turret;
    this._parts = Object.fromEntries(PARTS.map((name) => [name, partOf(document, name)]));
    this._hasAsked = false;
    this._wire();
  }

  /** Write the state; called with every new one and several times a second for what counts down. */
  refresh() {
    const turret = this._turret;
    const parts = this._parts;
    const lease = turret.state?.lease;
    const mayTake = turret.otherDriver === null || turret.roleRefusal("admin") === "";
    const isAsking = Boolean(lease) && lease.asked_by === turret.user.username;
    setText(parts["lease-who"], driverText(turret) || (lease ? "nobody drives" : ""));
    setHidden(parts["lease-give"], !turret.isMine);
    setHidden(parts["lease-take"], turret.isMine || !mayTake);
    setHidden(parts["lease-ask"], !turret.otherDriver);
    setText(parts["lease-ask"], isAsking ? "Ask no more" : "Ask for the controls");
    parts["lease-take"].disabled = turret.roleRefusal("operator") !== "";
    parts["lease-ask"].disabled = turret.roleRefusal("operator") !== "";
    this._showAsker(turret.isMine ? lease.asked_by : null);
    this._tellAsker(isAsking);
  }

  /** Somebody would like to have what we hold. */
  _showAsker(name) {
    setText(this._parts["asked-who"], name ? `${name} asks for the controls` : "");
    setHidden(this._parts.asked, !name);
  }

  /** What became of our question. */
  _tellAsker(isAsking) {
    const turret = this._turret;
    if (this._hasAsked && !isAsking && turret.state) {
      if (turret.isMine) turret.message.done("You have the controls now.");
      else if (turret.otherDriver) turret.message.say(`${turret.otherDriver} keeps the controls.`);
    }
    this._hasAsked = isAsking || (this._hasAsked && turret.state === null);
  }

  /** Ask, or take the question back. */
  _ask() {
    if (!this._hasAsked) {
      const words = { busy: "Asking for the controls.", done: `Asked. ${this._turret.otherDriver} sees it.` };
      return this._turret.tell("lease", { ask: true }, words);
    }
    this._hasAsked = false;
    return this._turret.tell("lease", undefined, { method: "DELETE", busy: "Asking no more.", done: "Asked no more." });
  }

  _wire() {
    const tell = (part, ...command) => this._parts[part].addEventListener("click", () => this._turret.tell(...command));
    const give = { method: "DELETE", busy: "Giving the controls back.", done: "You gave the controls back." };
    const take = { busy: "Taking the controls.", done: "You have the controls." };
    this._parts["lease-take"].addEventListener("click", () => {
      this._turret.tell("lease", { take_over: this._turret.otherDriver !== null }, take);
    });
    tell("lease-give", "lease", undefined, give);
    tell("asked-give", "lease", undefined, { ...give, done: "You gave the controls away." });
    tell("asked-keep", "lease", { keep: true }, { busy: "Keeping the controls.", done: "You keep the controls." });
    this._parts["lease-ask"].addEventListener("click", () => this._ask());
  }
}
