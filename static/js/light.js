/** The Light panel: on or off, brightness, color. */

import { send } from "./api.js";
import { partOf, setHidden, setText } from "./dom.js";
import { Wishes } from "./wishes.js";
import { sentence } from "./words.js";

export class Light {
  /** @param {HTMLElement} root @param {string} url @param {Turret} turret for role and messages */
  constructor(root, url, turret) {
    this._url = url;
    this._turret = turret;
    this._on = partOf(root, "light-on");
    this._brightness = partOf(root, "brightness");
    this._value = partOf(root, "brightness-value");
    this._color = partOf(root, "color");
    this._why = partOf(root, "light-why");
    this._swatches = [...root.querySelectorAll("[data-color]")];
    this._state = null;
    this._wishes = new Wishes((wish) => this._send(wish), () => this.refresh());
    this._wire();
  }

  /** @param {object} state `light` of /api/status; one that grew old on its way is none */
  take(state) {
    if (state.at_s < this._state?.at_s) return;
    this._state = state;
    this.refresh();
  }

  refresh() {
    const { on, brightness, color } = { ...this._state, ...this._wishes.open };
    this._on.setAttribute("aria-pressed", String(on));
    setText(this._on, on ? "On" : "Off");
    this._brightness.value = String(brightness);
    setText(this._value, String(brightness));
    if (this._color.value !== `#${color.toLowerCase()}`) this._color.value = `#${color.toLowerCase()}`;
    for (const swatch of this._swatches) swatch.setAttribute("aria-pressed", String(swatch.dataset.color === color));
    this._grey();
  }

  _grey() {
    const missing = this._state.supported ? "" : sentence(this._state.reason ?? "there is no light");
    const refusal = this._turret.roleRefusal("operator") || missing;
    for (const part of [this._on, this._brightness, this._color, ...this._swatches]) part.disabled = refusal !== "";
    const trouble = this._state.reason ? sentence(this._state.reason) : "";
    setText(this._why, refusal || trouble);
    setHidden(this._why, !(refusal || trouble));
  }

  _wire() {
    this._on.addEventListener("click", () => this._wishes.add({ on: this._on.getAttribute("aria-pressed") !== "true" }));
    this._brightness.addEventListener("input", () => this._wishes.add({ brightness: Number(this._brightness.value) }));
    this._color.addEventListener("input", () => this._wishes.add({ color: this._color.value.slice(1).toUpperCase() }));
    for (const swatch of this._swatches) {
      swatch.addEventListener("click", () => this._wishes.add({ color: swatch.dataset.color }));
    }
  }

  /** True unless it was refused. */
  async _send(wish) {
    try {
      this.take(await send("PATCH", this._url, wish));
      return true;
    } catch (error) {
      this._turret.message.say(error.message);
      return false;
    }
  }
}
