/** Which items are wanted: the form, the address, and the same in the words of the API. */

import { partOf, setHidden, setText } from "./dom.js";

const SETTLED_MS = 300;
const NAMES = ["kind", "from", "to", "text"];

export class Filter {
  /** @param {HTMLFormElement} form @param {() => void} onChange */
  constructor(form, onChange) {
    this._form = form;
    this._onChange = onChange;
    this._timer = 0;
    this.kind = form.elements.kind?.value ?? "";
    form.addEventListener("submit", (event) => this._submit(event));
    form.addEventListener("input", () => this._soon());
    for (const link of this._links) link.addEventListener("click", (event) => this._choose(event, link.dataset.kind));
    form.querySelector(".clear").addEventListener("click", (event) => this._clear(event));
  }

  get _links() {
    return this._form.querySelectorAll(".kind");
  }

  /** What is asked for, by the names in the address; without what is left open. */
  get asked() {
    const values = NAMES.map((name) => [name, name === "kind" ? this.kind : this._form.elements[name].value.trim()]);
    return Object.fromEntries(values.filter(([, value]) => value));
  }

  get isNarrowed() {
    return Object.keys(this.asked).length > 0;
  }

  /** The same for the API; a day begins and ends by the watcher's clock. */
  get wanted() {
    const { kind, from, to, text } = this.asked;
    return { kind, since: momentOf(from, 0), before: momentOf(to, 1), text };
  }

  /** The address that shows the same, with an item opened unless `id` is null. */
  url(page, id = null) {
    const asked = new URLSearchParams(id === null ? this.asked : { ...this.asked, item: id });
    return asked.size ? `${page}?${asked}` : page;
  }

  _submit(event) {
    event.preventDefault();
    this._now();
  }

  _soon() {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._now(), SETTLED_MS);
  }

  _now() {
    clearTimeout(this._timer);
    setHidden(this._form.querySelector(".clear"), !this.isNarrowed);
    setText(partOf(this._form, "when-text"), daysText(this.asked));
    this._onChange();
  }

  _choose(event, kind) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.kind = kind;
    for (const link of this._links) {
      if (link.dataset.kind === kind) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    this._now();
  }

  _clear(event) {
    event.preventDefault();
    for (const name of ["from", "to", "text"]) this._form.elements[name].value = "";
    this._choose(event, "");
  }
}

/** The same words as the server's. */
function daysText({ from, to }) {
  if (!from && !to) return "Any day";
  if (from === to) return from;
  if (!from) return `until ${to}`;
  return to ? `${from} to ${to}` : `from ${from}`;
}

/** The moment a day, or the one `later` days after it, begins here; undefined without a day. */
function momentOf(day, later) {
  if (!day) return undefined;
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}
