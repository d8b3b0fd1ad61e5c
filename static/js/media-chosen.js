/** The bar of what can be done with the selected items, and the words it asks with. */

import { confirmed } from "./confirm.js";
import { partOf, setHidden, setText } from "./dom.js";
import { countText, kindsText } from "./library-words.js";
import { sizeText } from "./media-words.js";

const ZIP_AT_MOST = 500; // as the server has it: the address names every item

export class Chosen {
  /**
   * @param {HTMLElement} root @param {Selection} selection @param {Library} library @param {Message} message
   * @param {HTMLDialogElement} dialog for questions @param {string} refusal why nothing may be changed, or ""
   */
  constructor(root, selection, library, message, dialog, refusal) {
    Object.assign(this, { _root: root, _selection: selection, _library: library, _message: message });
    Object.assign(this, { _dialog: dialog, _refusal: refusal });
    this._parts = Object.fromEntries(["count", "protect", "zip", "delete", "none"].map((name) => [name, partOf(root, `chosen-${name}`)]));
    this._parts.protect.addEventListener("click", () => this._protect());
    this._parts.delete.addEventListener("click", () => this.delete());
    this._parts.zip.addEventListener("click", (event) => this._zip(event));
    this._parts.none.addEventListener("click", () => selection.none());
    for (const name of ["protect", "delete"]) {
      this._parts[name].disabled = refusal !== "";
      this._parts[name].title = refusal;
    }
  }

  refresh() {
    const { items } = this._selection;
    const { count, protect, zip } = this._parts;
    setHidden(this._root, items.length === 0);
    if (!items.length) return;
    setText(count, `${countText(items.length, "item")} · ${sizeText(sizeOf(items))}`);
    setText(protect.lastElementChild, this._isUnprotecting(items) ? "Unprotect" : "Protect");
    zip.href = this._library.zipUrl(zippable(items).map((item) => item.id));
  }

  /** Ask, then remove; what is protected stays. */
  async delete() {
    if (this._refusal) return this._message.say(this._refusal);
    const { items } = this._selection;
    const words = deleteWords(items);
    if (!words.yes) return this._message.say(words.text);
    if (!(await confirmed(this._dialog, words))) return;
    await this._tell("Deleting…", async () => {
      const kept = await this._library.remove(items.map((item) => item.id));
      this._selection.none();
      const stay = kept.length ? ` ${countText(kept.length, "protected item")} stayed.` : "";
      return `${countText(items.length - kept.length, "item")} deleted.${stay}`;
    });
  }

  async _protect() {
    const { items } = this._selection;
    const isProtected = !this._isUnprotecting(items);
    const ids = items.filter((item) => item.protected !== isProtected).map((item) => item.id);
    await this._tell("", async () => {
      await this._library.protect(ids, isProtected);
      return `${countText(ids.length, "item")} ${isProtected ? "protected" : "not protected any more"}.`;
    });
  }

  /** The browser shows how far the download is, and can end it. */
  _zip(event) {
    const found = zippable(this._selection.items);
    const refusal = found.length === 0 ? "Nothing of this is a file yet." : "";
    const tooMany = found.length > ZIP_AT_MOST ? `A zip holds up to ${countText(ZIP_AT_MOST, "item")}.` : "";
    if (refusal || tooMany) {
      event.preventDefault();
      return this._message.say(refusal || tooMany);
    }
    const left = this._selection.items.length - found.length;
    this._message.done(`The zip of ${countText(found.length, "item")} is on its way.${left ? ` ${left} not converted yet are left out.` : ""}`);
  }

  /** Everything is protected already? */
  _isUnprotecting(items) {
    return items.every((item) => item.protected);
  }

  async _tell(busy, act) {
    if (busy) this._message.done(busy);
    this._root.setAttribute("aria-busy", "true");
    try {
      this._message.done(await act());
    } catch (error) {
      this._message.say(error.message);
    }
    this._root.removeAttribute("aria-busy");
  }
}

/** The question before these are deleted; without `yes` when all of them are protected. */
export function deleteWords(items) {
  const going = items.filter((item) => !item.protected);
  const staying = items.length - going.length;
  if (!going.length) return { text: staying === 1 ? "It is protected; unprotect it first." : "All of them are protected; unprotect them first." };
  const stay = staying ? ` ${countText(staying, "protected item stays", "protected items stay")}.` : "";
  const one = going.length === 1 && items.length === 1;
  return {
    title: one ? `Delete ${going[0].filename}?` : `Delete ${kindsText(going)}?`,
    text: `${sizeText(sizeOf(going))} ${one ? "is" : "are"} removed for good.${stay}`,
    yes: going.length === 1 ? "Delete" : `Delete ${going.length.toLocaleString("en-GB")}`,
  };
}

function sizeOf(items) {
  return items.reduce((sum, item) => sum + item.size_bytes, 0);
}

function zippable(items) {
  return items.filter((item) => item.ready);
}
