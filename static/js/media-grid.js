/** The items by day: a section per day, a tile per item, kept in step with the library without building it anew. */

import { make, setText } from "./dom.js";
import { dayOf, dayText } from "./library-words.js";
import { fillTile, newTile } from "./media-tile.js";

export class Grid {
  /** @param {HTMLElement} root @param {HTMLTemplateElement} template @param {(id: number) => string} hrefOf */
  constructor(root, template, hrefOf) {
    this._root = root;
    this._template = template;
    this._hrefOf = hrefOf;
    this._shown = new Map();
    this._tiles = new Map([...root.querySelectorAll(".tile")].map((tile) => [Number(tile.dataset.id), tile]));
    root.addEventListener("error", (event) => event.target.classList?.add("is-missing"), true);
  }

  /** The items that the server wrote into the page. */
  get written() {
    return [...this._tiles.values()].map((tile) => JSON.parse(tile.dataset.item));
  }

  tile(id) {
    return this._tiles.get(id);
  }

  /** Show exactly these items, newest first. */
  show(items) {
    this._forget(items);
    let place = this._root.firstElementChild;
    for (const [day, found] of byDay(items)) {
      const section = this._section(day, found[0]);
      if (section === place) place = place.nextElementSibling;
      else this._root.insertBefore(section, place);
      this._fill(section.lastElementChild, found);
    }
    while (place) {
      const rest = place.nextElementSibling;
      place.remove();
      place = rest;
    }
  }

  _forget(items) {
    const wanted = new Set(items.map((item) => item.id));
    for (const [id, tile] of this._tiles) {
      if (wanted.has(id)) continue;
      tile.remove();
      this._tiles.delete(id);
      this._shown.delete(id);
    }
  }

  _section(day, item) {
    let section = this._root.querySelector(`[data-day="${day}"]`);
    section ??= make("section", { class: "day", "data-day": day }, make("h2"), make("ul", { class: "tiles" }));
    setText(section.firstElementChild, dayText(new Date(item.date)));
    return section;
  }

  _fill(list, items) {
    let place = list.firstElementChild;
    for (const item of items) {
      const tile = this._tileOf(item);
      if (tile === place) place = place.nextElementSibling;
      else list.insertBefore(tile, place);
    }
  }

  _tileOf(item) {
    let tile = this._tiles.get(item.id);
    if (!tile) this._tiles.set(item.id, (tile = newTile(this._template, item, this._hrefOf(item.id))));
    if (this._shown.get(item.id) !== item) fillTile(tile, item);
    this._shown.set(item.id, item);
    return tile;
  }
}

/** [[day, items], ...] in the watcher's time zone. */
function byDay(items) {
  const days = new Map();
  for (const item of items) {
    const day = dayOf(new Date(item.date));
    if (!days.has(day)) days.set(day, []);
    days.get(day).push(item);
  }
  return days;
}
