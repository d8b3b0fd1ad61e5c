/** Opening items on the live page: the player over the picture, with the whole library behind it. */

import { Library } from "./media-library.js";
import { makePlayer } from "./media-open.js";

const MARK = "#item-";

export class LivePlayer {
  /** @param {{api: string, panels: string}} urls @param {Turret} turret for role and messages */
  constructor(urls, turret) {
    this._urls = urls;
    this._turret = turret;
    this._player = null;
    this._library = new Library(urls.api, {}, () => this._player?.refresh());
  }

  /** @param {object | null} state as in /api/status */
  take(state) {
    if (state && this._player?.isOpen) this._library.follow(state.media);
  }

  async open(id, isNew = true) {
    try {
      const [made] = await Promise.all([this._made(), this._library.want({})]);
      this._player = made;
      await made.open(id, isNew);
    } catch (error) {
      this._turret.message.say(error.message);
    }
  }

  /** Back and forward: the address names an item, or none any more. */
  followAddress() {
    const id = itemIn(location.hash);
    if (id) this.open(id, false);
    else if (this._player?.isOpen) this._player.hide();
  }

  _made() {
    this._making ??= makePlayer(this._urls.panels, this._library, this._turret.roleRefusal("operator"), {
      addressOf: (id) => (id === null ? location.pathname + location.search : `${MARK}${id}`),
      onShown: () => {},
    });
    return this._making;
  }
}

/** The item that an address names, or 0. */
function itemIn(hash) {
  return hash.startsWith(MARK) ? Number(hash.slice(MARK.length)) || 0 : 0;
}
