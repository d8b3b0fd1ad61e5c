/** The table: which rows are selected, and removing them. Sorting and paging are links; the server does them. */

import { send } from "./api.js";
import { confirmed } from "./confirm.js";
import { partOf, setText } from "./dom.js";
import { countText } from "./library-words.js";
import { deleteWords } from "./media-chosen.js";
import { sizeText } from "./media-words.js";

const REMOVE_WITHIN_MS = 120000;
const RELOAD_EVERY_MS = 700;

export class Table {
  /** @param {HTMLElement} root @param {string} api @param {Message} message @param {HTMLDialogElement} question */
  constructor(root, api, message, question) {
    Object.assign(this, { _root: root, _api: api, _message: message, _question: question });
    this._anchor = null;
    this._reloading = null;
    this._mustReload = false;
    root.addEventListener("click", (event) => this._click(event));
    this._localTimes();
  }

  get _rows() {
    return [...this._root.querySelectorAll("tbody tr")];
  }

  /** The selected rows as items. */
  get _items() {
    return this._rows.filter(isSelected).map(({ dataset }) => ({
      id: Number(dataset.id), filename: dataset.name, kind: dataset.kind, size_bytes: Number(dataset.size), protected: "protected" in dataset,
    }));
  }

  /** Ask the server for the same page of the table again; soon, and once for many calls. */
  reload() {
    this._mustReload = true;
    this._reloading ??= this._reloadSoon().finally(() => (this._reloading = null));
  }

  async _reloadSoon() {
    while (this._mustReload) {
      this._mustReload = false;
      await this._reloadOnce().catch(() => {}); // the next change brings the next look
      await new Promise((resolve) => setTimeout(resolve, RELOAD_EVERY_MS));
    }
  }

  async _reloadOnce() {
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const selected = new Set(this._items.map((item) => item.id));
    this._root.replaceChildren(...partOf(page, "rows").children);
    for (const row of this._rows) select(row, selected.has(Number(row.dataset.id)));
    this._localTimes();
    this._refresh();
  }

  /** The server wrote its own time zone. */
  _localTimes() {
    for (const time of this._root.querySelectorAll("time")) {
      const date = new Date(time.dateTime);
      setText(time, new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 19).replace("T", " "));
    }
  }

  _click(event) {
    const box = event.target.closest("input");
    if (event.target.closest("[data-part=rows-remove]")) this._remove();
    if (!box) return;
    const row = box.closest("tbody tr");
    if (!row) for (const other of this._rows) select(other, box.checked);
    else this._choose(row, box.checked, event.shiftKey);
    this._refresh();
  }

  _choose(row, isOn, isRange) {
    const rows = this._rows;
    const anchor = isRange && rows.find((other) => other.dataset.id === this._anchor); // rows are made anew meanwhile
    const [from, to] = [rows.indexOf(anchor || row), rows.indexOf(row)].sort((one, other) => one - other);
    for (const between of rows.slice(from, to + 1)) select(between, isOn);
    this._anchor = row.dataset.id;
  }

  _refresh() {
    const items = this._items;
    const sizeBytes = items.reduce((sum, item) => sum + item.size_bytes, 0);
    partOf(this._root, "rows-remove").disabled = items.length === 0;
    setText(partOf(this._root, "rows-chosen"), items.length ? `${countText(items.length, "row")} selected, ${sizeText(sizeBytes)}` : "");
    const all = partOf(this._root, "rows-all");
    if (all) all.checked = items.length > 0 && items.length === this._rows.length;
  }

  async _remove() {
    const items = this._items;
    const words = deleteWords(items);
    if (!words.yes) return this._message.say(words.text);
    if (!(await confirmed(this._question, words))) return;
    this._root.setAttribute("aria-busy", "true");
    try {
      const ids = items.map((item) => item.id);
      const { removed } = await send("POST", `${this._api}/media/delete`, { ids }, false, REMOVE_WITHIN_MS);
      this._message.done(`${countText(removed, "row")} and ${removed === 1 ? "its file" : "their files"} removed`);
      this.reload();
    } catch (error) {
      this._message.say(error.message);
    }
    this._root.removeAttribute("aria-busy");
  }
}

function isSelected(row) {
  return row.querySelector("input").checked;
}

function select(row, isOn) {
  row.querySelector("input").checked = isOn;
  row.toggleAttribute("data-selected", isOn);
}
