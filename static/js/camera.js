/** The Picture panel: everything the camera can be told, and what is done to its picture. Loaded when it is opened. */

import { send } from "./api.js";
import { Pan } from "./camera-pan.js";
import { Choice, Dial, Press, Switch, Words } from "./camera-parts.js";
import { SWITCHES, TURNS } from "./camera-words.js";
import { make, setHidden, setText, styled } from "./dom.js";
import { Wishes } from "./wishes.js";
import { sentence } from "./words.js";

const OPENING_MS = 12000; // a camera that is opened anew takes seconds
const LOOK_MS = 3000; // how old a value may be that the camera changes by itself

export class Camera {
  /** @param {HTMLElement} box @param {string} url @param {Turret} turret @param {HTMLElement} frame of the picture */
  constructor(box, url, turret, frame) {
    this._box = box;
    this._url = url;
    this._turret = turret;
    this._state = null;
    this._known = "";
    this._parts = new Map();
    this._told = null;
    this._newestTold = null;
    this._wishes = new Wishes((wish) => this._send("PATCH", this._url, wish), () => {
      this._show();
      this._catchUp();
    });
    this._isLooking = false;
    this._lookedAt = 0;
    this._why = make("p", { class: "why", role: "status" });
    this._rows = make("div", { class: "camera-rows" });
    box.append(this._why, this._rows);
    this._reasons = new Map();
    this._pan = new Pan(frame, (wish) => this._wishes.add(wish));
    styled("camera").then(() => this._load());
  }

  /** @param {object | null} camera of the state; another revision than ours means that somebody changed something */
  take(camera) {
    if (camera) this._told = this._newestTold = camera.revision;
    this._catchUp();
  }

  /** What the camera calls one of its controls; undefined for what it has not. */
  labelOf(name) {
    return this._parts.get(name)?.label;
  }

  refresh() {
    if (!this._state) return;
    this._lookAgain();
    const refusal = this._turret.roleRefusal("operator");
    for (const [name, part] of this._parts) part.grey(refusal || this._reasons.get(name) || "");
    this._pan.isAllowed = refusal === "" && (this._value("zoom") ?? 1) > 1;
    this._pan.place(this._value("zoom") ?? 1, this._value("zoom_x") ?? 0.5, this._value("zoom_y") ?? 0.5);
    setText(this._why, refusal || worded(this._state.message));
    setHidden(this._why, this._why.textContent === "");
  }

  async _reset(names) {
    if (!(await this._send("POST", `${this._url}/reset`, names ? { names } : {}))) return;
    this._show();
    this._turret.message.done(this._resetText(names?.[0]));
  }

  /** Where what was reset is now: controls have a default of their driver's, all else one of ours. */
  _resetText(name) {
    if (!name) return "Controls are as the camera comes, filters as in config.txt.";
    const isControl = this._state.controls.some((control) => control.name === name);
    return `${this.labelOf(name)} is as ${isControl ? "the camera comes" : "in config.txt"}.`;
  }

  async _load() {
    await this._send("GET", this._url);
    this._show();
    this._catchUp();
  }

  /** What was told meanwhile is looked at once nothing is on its way, and once only: an answer may be newer than the news. */
  _catchUp() {
    const told = this._told;
    if (told === null || !this._state || this._wishes.isSending) return;
    this._told = null;
    if (told !== this._state.revision) this._load();
  }

  /** What the camera sets by itself is asked for now and then, while the panel is open. */
  async _lookAgain() {
    const isBusy = this._box.hidden || this._wishes.isSending || this._isLooking;
    if (isBusy || performance.now() - this._lookedAt < LOOK_MS || !this._state.controls.some(isItsOwn)) return;
    this._isLooking = true;
    this._lookedAt = performance.now();
    const state = await send("GET", this._url).catch(() => null);
    this._isLooking = false;
    if (!state || this._wishes.isSending || state.revision < this._state.revision) return;
    this._state = state;
    this._show();
  }

  /** An answer that was overtaken by a newer one. The program may have started anew and count from one: then it told so. */
  _isOld(state) {
    return this._state !== null && state.revision < this._state.revision && state.revision !== this._newestTold;
  }

  /** True unless it was refused. */
  async _send(method, url, body) {
    try {
      const state = await send(method, url, body, false, OPENING_MS);
      if (!this._isOld(state)) this._state = state;
      return true;
    } catch (error) {
      if (this._state) this._turret.message.say(error.message);
      else setText(this._why, sentence(error.message));
      return false;
    }
  }

  _value(name) {
    return { ...this._state, ...this._wishes.open }[name];
  }

  /** Why it cannot be set now, "" when it can; what blocks it by the name the page gives that. */
  _reasonOf({ reason, blocked_by: blocker }) {
    return worded(blocker ? `${this.labelOf(blocker) ?? blocker} is on` : reason);
  }

  _show() {
    if (!this._state) return;
    const { name: camera, size, controls, modes, missing } = this._state;
    const known = JSON.stringify([camera, size, controls.map(({ name, kind }) => [name, kind]), modes, missing]);
    if (known !== this._known) {
      this._known = known;
      this._build();
    }
    this._reasons = new Map(this._state.controls.map((control) => [control.name, this._reasonOf(control)]));
    for (const [name, part] of this._parts) part.show(this._value(name));
    this.refresh();
  }

  _build() {
    const { controls, modes, name } = this._state;
    this._parts.clear();
    this._rows.replaceChildren();
    this._heading("Filters");
    this._add("zoom", new Dial("Zoom", { minimum: 1, maximum: 4, step: 0.1, unit: "×", default: 1 }, this._asks("zoom"), () => this._wishes.add({ zoom: 1 })));
    const switches = make("div", { class: "camera-switches" });
    this._rows.append(switches);
    for (const [key, label] of SWITCHES) this._add(key, new Switch(label, this._asks(key)), switches);
    this._add("label", new Words("Name on the picture", this._asks("label")));
    this._add("rotation", new Choice("Turn", TURNS, this._asks("rotation")));
    if (modes.length) this._buildModes(modes);
    this._heading(name);
    for (const control of controls) this._add(control.name, this._partOf(control));
    if (!controls.length) this._rows.append(make("p", { class: "why" }, "This camera has no controls."));
    else this._rows.append(make("button", { type: "button", class: "button wide", onclick: () => this._reset(null) }, "Reset all controls"));
    this._buildMissing(name);
  }

  /** What people look for and this camera has not: grey, with the reason. */
  _buildMissing(camera) {
    const { missing } = this._state;
    if (!missing.length) return;
    const reasons = [...new Set(missing.map(({ reason }) => reason))];
    const why = make("p", { class: "row-why", id: "missing-why" }, reasons.length === 1 ? worded(reasons[0]) : `${camera} has none of these.`);
    const rows = missing.map(({ name, label, reason }) => make("li", { title: worded(reason), "data-missing": name }, label));
    this._heading("Not on this camera");
    this._rows.append(why, make("ul", { class: "camera-missing", "aria-describedby": why.id }, ...rows));
  }

  _buildModes(modes) {
    const sizes = [...new Set(modes.map(({ size }) => size))];
    const formats = [...new Set(modes.map((mode) => mode.pixel_format))];
    const rates = [...new Set(modes.flatMap((mode) => (mode.size === this._state.size ? mode.rates : [])))];
    this._heading("Size and rate");
    this._add("size", new Choice("Size", sizes.map((size) => [size, size.replace("x", " × ")]), this._asks("size"), () => this._reset(["size"])));
    if (rates.length) this._add("rate", new Choice("Pictures per second", rates.map((rate) => [rate, String(rate)]), this._asks("rate")));
    if (formats.length > 1) this._add("pixel_format", new Choice("Format", formats.map((format) => [format, format]), this._asks("pixel_format")));
  }

  _partOf(control) {
    const label = control.label || control.name;
    const asks = this._asks(control.name);
    if (control.kind === "boolean") return new Switch(label, asks);
    const reset = () => this._reset([control.name]);
    const options = control.options.map(({ value, name }) => [value, name]);
    if (control.kind === "menu") return new Choice(label, options, asks, control.default === null ? null : reset, control.default);
    if (control.kind === "button") return new Press(label, () => this._wishes.add({ [control.name]: 1 }));
    return new Dial(label, control, asks, reset);
  }

  _asks(name) {
    return (value) => this._wishes.add({ [name]: value });
  }

  _heading(text) {
    this._rows.append(make("h3", {}, text));
  }

  _add(name, part, into = this._rows) {
    this._parts.set(name, part);
    part.root.dataset.control = name;
    into.append(part.root);
  }
}

/** A number that the camera may change by itself, as it cannot be set now. */
function isItsOwn({ kind, reason }) {
  return reason !== null && (kind === "integer" || kind === "number");
}

function worded(text) {
  return text ? sentence(text) : "";
}
