/** The rows of the Picture panel: a dial, a switch, a choice, a button. Each shows a value and says why it is grey. */

import { valueText } from "./camera-words.js";
import { make, setHidden, setText } from "./dom.js";

// A range so wide that a twentieth of it says nothing: exposure, gains.
const WIDE = 100;

let lastId = 0;

function backButton(label, onclick) {
  return make("button", { type: "button", class: "button", "aria-label": `Reset ${label}`, title: "Reset", onclick }, "↺");
}

class Row {
  constructor(label, ...parts) {
    this.label = label;
    this._why = make("span", { class: "row-why", hidden: true });
    this.root = make("div", { class: "camera-row" }, ...parts, this._why);
  }

  /** @param {string} reason "" when it can be set */
  grey(reason) {
    for (const part of this._parts) part.disabled = reason !== "";
    setText(this._why, reason);
    setHidden(this._why, reason === "");
  }
}

/** A number in its range: a slider on the desk, plus and minus on a phone, and a way back to its default. In a wide range
    plus and minus go by a tenth of the value. */
export class Dial extends Row {
  constructor(label, { minimum, maximum, step, unit, default: usual }, onValue, onReset) {
    const id = `dial-${(lastId += 1)}`;
    const least = step ?? (Number.isInteger(minimum) && Number.isInteger(maximum) ? 1 : (maximum - minimum) / 100);
    const range = make("input", { type: "range", id, min: minimum, max: maximum, step: least });
    const figure = make("span", { class: "figure" });
    const less = make("button", { type: "button", class: "button", "aria-label": `Less ${label}` }, "−");
    const more = make("button", { type: "button", class: "button", "aria-label": `More ${label}` }, "+");
    const back = backButton(label, onReset);
    const reach = make("span", { class: "reach" }, `${valueText(minimum, unit ?? "")} to ${valueText(maximum, unit ?? "")}`);
    const head = make("div", { class: "row-head" }, make("label", { for: id }, label), reach, figure);
    super(label, head, make("div", { class: "row-dial" }, less, range, more, back));
    Object.assign(this, { _range: range, _figure: figure, _back: back, _unit: unit ?? "", _usual: usual, _parts: [range, less, more, back] });
    const isWide = minimum > 0 && maximum / minimum >= WIDE;
    const stride = () => Math.max(least, Math.round((isWide ? Number(range.value) / 10 : (maximum - minimum) / 20) / least) * least);
    const move = (by) => onValue(Math.min(maximum, Math.max(minimum, tidy(Number(range.value) + by))));
    range.addEventListener("input", () => onValue(Number(range.value)));
    less.addEventListener("click", () => move(-stride()));
    more.addEventListener("click", () => move(stride()));
  }

  show(value) {
    if (value === null || value === undefined) return setText(this._figure, "?");
    if (document.activeElement !== this._range || Number(this._range.value) !== value) this._range.value = String(value);
    setText(this._figure, valueText(value, this._unit));
    this._back.classList.toggle("unseen-here", value === this._usual || this._usual === null);
  }
}

export class Switch extends Row {
  constructor(label, onValue) {
    const button = make("button", { type: "button", class: "button", "aria-pressed": "false" }, label);
    super(label, button);
    this._parts = [button];
    button.addEventListener("click", () => onValue(button.getAttribute("aria-pressed") !== "true"));
  }

  show(value) {
    this._parts[0].setAttribute("aria-pressed", String(value === true));
  }
}

export class Choice extends Row {
  /**
   * @param {[value: string | number, name: string][]} options
   * @param {(() => void) | null} onReset where there is a way back
   * @param {string | number | null} usual needs no way back; null when it is not known
   */
  constructor(label, options, onValue, onReset = null, usual = null) {
    const id = `choice-${(lastId += 1)}`;
    const select = make("select", { id }, ...options.map(([value, name]) => make("option", { value: String(value) }, name)));
    const back = onReset ? [backButton(label, onReset)] : [];
    super(label, make("div", { class: "row-head" }, make("label", { for: id }, label), select, ...back));
    Object.assign(this, { _usual: usual, _parts: [select, ...back] });
    const isNumber = options.every(([value]) => typeof value === "number");
    select.addEventListener("change", () => onValue(isNumber ? Number(select.value) : select.value));
  }

  show(value) {
    const [select, back] = this._parts;
    if (select.value !== String(value)) select.value = String(value);
    back?.classList.toggle("unseen-here", value === this._usual);
  }
}

export class Words extends Row {
  constructor(label, onValue) {
    const id = `words-${(lastId += 1)}`;
    const field = make("input", { id, maxlength: 60 });
    super(label, make("div", { class: "row-head" }, make("label", { for: id }, label), field));
    this._parts = [field];
    field.addEventListener("change", () => onValue(field.value));
  }

  show(value) {
    const [field] = this._parts;
    if (document.activeElement !== field) field.value = value;
  }
}

export class Press extends Row {
  constructor(label, onPress) {
    const button = make("button", { type: "button", class: "button", onclick: onPress }, label);
    super(label, button);
    this._parts = [button];
  }

  show() {}
}

/** 0.30000000000000004 is 0.3 to a person. */
function tidy(value) {
  return Math.round(value * 1000) / 1000;
}
