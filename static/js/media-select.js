/** Which items are selected: by their box, Shift for all between, a long press, or keys. It lives in this page alone. */

import { nextTile } from "./media-keys.js";

const LONG_PRESS_MS = 450;

export class Selection {
  /**
   * @param {HTMLElement} root the grid
   * @param {() => object[]} itemsOf all items that are shown, in order
   * @param {{onChange: () => void, onOpen: (id: number) => void, onDelete: () => void}} listener
   */
  constructor(root, itemsOf, listener) {
    this.ids = new Set();
    this._root = root;
    this._itemsOf = itemsOf;
    this._listener = listener;
    this._isSelecting = false;
    this._anchor = null;
    this._timer = 0;
    this._wasLong = false;
    this._wire();
  }

  /** The selected items, in order. */
  get items() {
    return this._itemsOf().filter((item) => this.ids.has(item.id));
  }

  /** Does a tap select instead of open? */
  get isSelecting() {
    return this._isSelecting || this.ids.size > 0;
  }

  set isSelecting(isSelecting) {
    this._isSelecting = isSelecting;
    if (!isSelecting) this.ids.clear();
    this._changed();
  }

  none() {
    this.isSelecting = false;
  }

  all() {
    for (const item of this._itemsOf()) this.ids.add(item.id);
    this._changed();
  }

  toggle(id) {
    if (!this.ids.delete(id)) this.ids.add(id);
    this._anchor = id;
    this._changed();
  }

  /** Everything from where the last one was selected to here. */
  extend(id) {
    const order = this._itemsOf().map((item) => item.id);
    if (!order.includes(this._anchor)) this._anchor = id;
    const [from, to] = [order.indexOf(this._anchor), order.indexOf(id)].sort((one, other) => one - other);
    for (const between of order.slice(from, to + 1)) this.ids.add(between);
    this._changed();
  }

  /** After the library changed: what is gone is not selected, and new tiles show what they are. */
  refresh() {
    const known = new Set(this._itemsOf().map((item) => item.id));
    for (const id of this.ids) if (!known.has(id)) this.ids.delete(id);
    this._changed();
  }

  _changed() {
    for (const tile of this._root.querySelectorAll(".tile")) {
      const isSelected = this.ids.has(idOf(tile));
      tile.toggleAttribute("data-selected", isSelected);
      tile.querySelector("input").checked = isSelected;
    }
    this._root.toggleAttribute("data-selecting", this.isSelecting);
    this._listener.onChange();
  }

  _wire() {
    this._root.addEventListener("click", (event) => this._click(event));
    this._root.addEventListener("keydown", (event) => this._key(event));
    this._root.addEventListener("pointerdown", (event) => this._press(event));
    for (const kind of ["pointerup", "pointercancel", "pointerleave"]) {
      this._root.addEventListener(kind, () => clearTimeout(this._timer));
    }
    this._root.addEventListener("contextmenu", (event) => this._wasLong && event.preventDefault());
  }

  _click(event) {
    const tile = event.target.closest(".tile");
    const isBox = event.target.matches("input");
    if (!tile || event.ctrlKey || event.metaKey || (event.target.closest("label") && !isBox)) return;
    if (!isBox) event.preventDefault();
    if (this._wasLong) this._wasLong = false;
    else if (event.shiftKey) this.extend(idOf(tile));
    else if (isBox || this.isSelecting) this.toggle(idOf(tile));
    else this._listener.onOpen(idOf(tile));
  }

  /** A finger that rests on an item begins to select. */
  _press(event) {
    const tile = event.target.closest(".tile");
    clearTimeout(this._timer);
    this._wasLong = false;
    if (!tile || event.pointerType === "mouse" || event.target.closest("label")) return;
    this._timer = setTimeout(() => {
      this._wasLong = true;
      navigator.vibrate?.(10);
      this.toggle(idOf(tile));
    }, LONG_PRESS_MS);
  }

  _key(event) {
    const tile = event.target.closest(".tile");
    if (!tile || event.altKey) return;
    const next = nextTile(tile, event.key);
    if (next) {
      if (event.shiftKey) this._anchor ??= idOf(tile);
      next.querySelector("a").focus();
      if (event.shiftKey) this.extend(idOf(next));
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.all();
    else if (event.key === " " || event.key === "x") this.toggle(idOf(tile));
    else if (event.key === "Delete") this._deleteKey(tile);
    else if (event.key === "Escape" && this.isSelecting) this.none();
    else return;
    event.preventDefault();
  }

  _deleteKey(tile) {
    if (!this.ids.size) this.toggle(idOf(tile));
    this._listener.onDelete();
  }
}

function idOf(tile) {
  return Number(tile.dataset.id);
}
