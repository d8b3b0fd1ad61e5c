/** Presets: chips and the keys 1 to 9 go there; held for a moment they keep the present position. */

import { arrange, make, partOf, setHidden, setText } from "./dom.js";
import { Press } from "./press.js";
import { isTyping, patrolText } from "./turret.js";

const HOLD_MS = 800;
const FETCH_AGAIN_MS = 3000;
const NEAR_DEG = 0.5;
const SLOTS = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const PARTS = ["presets", "preset-new", "presets-why", "patrol", "patrol-text", "patrol-stop"];

export class Presets {
  /** @param {HTMLElement} root @param {Turret} turret */
  constructor(root, turret) {
    this.items = [];
    this.onChange = () => {};
    this._turret = turret;
    this._parts = Object.fromEntries(PARTS.map((name) => [name, partOf(root, name)]));
    this._chips = new Map();
    this._revision = null;
    this._press = new Press(HOLD_MS);
    this._pressedSlot = null;
    this._wire();
  }

  /** Why there are no presets at all; "" when there may be. */
  get missing() {
    if (!this._turret.state || this._turret.servos.length) return "";
    return "Presets need a servo: a motor does not know where it points.";
  }

  /** Write the state; called with every new one and several times a second for what counts down. */
  refresh() {
    const { state } = this._turret;
    if (!state) this._revision = null;
    else if (state.presets !== this._revision) this._fetch(state.presets);
    const refusal = this._turret.refusal("operator") || this.missing;
    for (const item of this.items) {
      this._chips.get(item.id).disabled = refusal !== "";
      this._chips.get(item.id).setAttribute("aria-current", String(this._isHere(item)));
    }
    this._parts["preset-new"].disabled = (this._turret.roleRefusal("operator") || this.missing) !== "";
    if (this._parts["preset-new"].disabled) this._letGo();
    setText(this._parts["presets-why"], this.missing);
    setHidden(this._parts["presets-why"], !this.missing);
    setText(this._parts["patrol-text"], patrolText(this._turret));
    setHidden(this._parts.patrol, !state?.patrol?.running);
  }

  /** Keep the present position: in place of `item`, or as a new preset with this key. */
  keep(item, slot = item?.slot ?? null) {
    const name = slot === null ? (item?.name ?? "The new preset") : `Preset ${slot}`;
    return this._turret.saying({ busy: "Keeping this position." }, async () => {
      const kept = item
        ? await this._turret.ask("PATCH", `presets/${item.id}`, { here: true })
        : await this._turret.ask("POST", "presets", slot === null ? {} : { slot });
      this._turret.message.done(`${name} is now here`, () => this.undo(kept.id));
    });
  }

  /** As it was before its last change. */
  undo(id) {
    return this._turret.saying({ busy: "Undoing.", done: "Undone." }, () => this._turret.ask("POST", `presets/${id}/undo`));
  }

  _go(item) {
    const going = `Going to ${item.name}.`;
    return this._turret.tell(`presets/${item.id}/aim`, undefined, { busy: going, done: going });
  }

  /** The chip of where it stands, or goes, is marked. */
  _isHere(item) {
    const { state, servos } = this._turret;
    return servos.length > 0 && servos.every((axis) => {
      const thereDeg = item[`${axis}_deg`];
      return thereDeg === null || Math.abs(thereDeg - (state[axis].target_deg ?? state[axis].position_deg)) < NEAR_DEG;
    });
  }

  async _fetch(revision) {
    this._revision = revision;
    try {
      const { items } = await this._turret.ask("GET", "presets");
      if (this._revision === revision) this._take(items); // else a newer list is on its way, or here
    } catch (error) {
      this._turret.message.say(error.message);
      setTimeout(() => this._revision === revision && (this._revision = null), FETCH_AGAIN_MS);
    }
  }

  _take(items) {
    this.items = items;
    this._chips = new Map(items.map((item) => [item.id, filled(this._chips.get(item.id) ?? this._newChip(item.id), item)]));
    arrange(this._parts.presets, [...this._chips.values()]);
    this.refresh();
    this.onChange();
  }

  /** It stays as long as its preset does, whatever that becomes: somebody may be pressing it. */
  _newChip(id) {
    const item = () => this.items.find((known) => known.id === id);
    const picture = make("img", { alt: "", width: 96, height: 54 });
    const chip = make("button", { type: "button", class: "button preset" }, picture, make("kbd"), make("span"));
    chip.addEventListener("pointerdown", (event) => {
      const pressed = item();
      if (event.button === 0) this._press.begin(chip, () => this.keep(pressed));
    });
    for (const kind of ["pointerup", "pointercancel", "pointerleave"]) chip.addEventListener(kind, () => this._letGo());
    chip.addEventListener("contextmenu", (event) => event.preventDefault());
    chip.addEventListener("click", (event) => (event.detail > 0 && this._press.wasHeld) || this._go(item()));
    return chip;
  }

  _wire() {
    this._parts["preset-new"].addEventListener("click", () => {
      this.keep(null, SLOTS.find((slot) => !this._at(slot)) ?? null);
    });
    this._parts["patrol-stop"].addEventListener("click", () => {
      const words = { busy: "Stopping the patrol.", done: "The patrol has stopped." };
      this._turret.tell("patrol", undefined, { method: "DELETE", ...words });
    });
    document.addEventListener("keydown", (event) => this._keyDown(event));
    document.addEventListener("keyup", (event) => this._keyUp(event));
    window.addEventListener("blur", () => this._letGo());
  }

  _at(slot) {
    return this.items.find((item) => item.slot === slot);
  }

  _letGo() {
    this._pressedSlot = null;
    return this._press.end();
  }

  /** A key does its work when it is let go, for only then it is known how long it was held. */
  _keyDown(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    const slot = Number(/^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1] ?? 0);
    const isAsleep = isTyping(event.target) || document.querySelector("dialog[open]") || this._parts["preset-new"].disabled;
    this._letGo();
    if (!slot || isAsleep || (event.code.startsWith("N") && event.key !== String(slot))) return;
    event.preventDefault();
    this._pressedSlot = slot;
    const item = this._at(slot);
    this._press.begin(this._chips.get(item?.id) ?? this._parts["preset-new"], () => this.keep(item, slot));
  }

  _keyUp(event) {
    const slot = this._pressedSlot;
    if (slot === null || !event.code.endsWith(String(slot)) || !this._letGo()) return;
    const item = this._at(slot);
    const refusal = this._turret.refusal("operator");
    if (item && !refusal) this._go(item);
    else this._turret.message.say(refusal || `No preset on key ${slot}. Hold the key to keep this position there.`);
  }
}

/** The chip with what its preset is now. */
function filled(chip, { name, slot, thumb_url: picture }) {
  const [image, key, word] = chip.children;
  chip.setAttribute("aria-label", slot === null ? name : `${name}, key ${slot}`);
  setHidden(image, !picture);
  if (picture && image.getAttribute("src") !== picture) image.src = picture;
  setHidden(key, slot === null);
  setText(key, String(slot ?? ""));
  setText(word, name);
  return chip;
}
