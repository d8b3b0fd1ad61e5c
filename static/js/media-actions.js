/** What is known of an opened item, and what can be done with it: download, protect, rename, delete, try again. */

import { confirmed } from "./confirm.js";
import { make, partOf, setHidden, setText } from "./dom.js";
import { stemOf } from "./library-words.js";
import { deleteWords } from "./media-chosen.js";
import { lengthText, sizeText } from "./media-words.js";
import { sentence } from "./words.js";

const NAMES = ["name", "date", "facts", "why", "download", "protect", "rename", "delete", "making", "making-text", "progress", "retry"];

export class Actions {
  /**
   * @param {HTMLElement} root @param {Library} library @param {Message} message @param {HTMLDialogElement} question
   * @param {string} refusal why nothing may be changed, or "" @param {(item: object) => void} onDeleted
   */
  constructor(root, library, message, question, refusal, onDeleted) {
    Object.assign(this, { _root: root, _library: library, _message: message, _question: question, _refusal: refusal, _onDeleted: onDeleted });
    this._parts = Object.fromEntries(NAMES.map((name) => [name, partOf(root, `item-${name}`)]));
    this._form = partOf(root, "rename-form");
    this._field = partOf(root, "rename-field");
    this._item = null;
    this.isDeleting = false;
    this._wire();
  }

  get isRenaming() {
    return !this._form.hidden;
  }

  show(item) {
    if (item.id !== this._item?.id) this._endRename();
    this._item = item;
    const parts = this._parts;
    setText(parts.name, item.filename);
    setText(parts.date, new Date(item.date).toLocaleString("en-GB", { dateStyle: "full", timeStyle: "medium" }));
    parts.facts.replaceChildren(...factsOf(item).map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text))));
    this._showMaking(item);
    this._showActions(item);
  }

  _showMaking(item) {
    const { making, "making-text": text, progress, retry } = this._parts;
    setHidden(making, item.ready);
    setText(text, item.fault ? `Not converted: ${sentence(item.fault)}` : `${howFar(item)} This is how it was recorded.`);
    progress.value = item.progress ?? 0;
    setHidden(progress, item.fault !== null);
    setHidden(retry, item.fault === null);
    retry.disabled = this._refusal !== "";
  }

  _showActions(item) {
    const { download, protect, rename, delete: remove, why } = this._parts;
    setHidden(download, !item.ready);
    download.href = `${item.url}?download=1`;
    protect.setAttribute("aria-pressed", String(item.protected));
    setText(protect.lastElementChild, item.protected ? "Protected" : "Protect");
    for (const button of [protect, rename]) button.disabled = this._refusal !== "";
    remove.disabled = this._refusal !== "" || item.protected;
    remove.title = item.protected ? "It is protected; unprotect it first." : "";
    setText(why, this._refusal);
    setHidden(why, this._refusal === "");
  }

  _wire() {
    const { protect, rename, delete: remove, retry } = this._parts;
    protect.addEventListener("click", () => this._change({ protected: !this._item.protected }));
    rename.addEventListener("click", () => (this.isRenaming ? this._endRename() : this._beginRename()));
    remove.addEventListener("click", () => this.delete());
    retry.addEventListener("click", () => this._saying(() => this._library.retry(this._item.id)));
    this._form.addEventListener("submit", (event) => this._rename(event));
    this._form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this._endRename();
      event.stopPropagation();
      if (event.key === "Escape") event.preventDefault();
    });
  }

  /** Ask, then remove; the key does nothing where the button is greyed. */
  async delete() {
    const item = this._item;
    if (this._parts.delete.disabled) return this._message.say(this._refusal || this._parts.delete.title);
    if (!(await confirmed(this._question, deleteWords([item])))) return;
    const next = (await this._library.neighbour(item.id, 1)) ?? (await this._library.neighbour(item.id, -1));
    this.isDeleting = true;
    await this._saying(async () => {
      await this._library.remove([item.id]);
      this._onDeleted(next);
      this._message.done(`${item.filename} deleted.`);
    });
    this.isDeleting = false;
  }

  _beginRename() {
    this._field.value = stemOf(this._item.filename);
    setHidden(this._form, false);
    setHidden(this._parts.name, true);
    this._field.select();
  }

  _endRename() {
    if (!this.isRenaming) return;
    setHidden(this._form, true);
    setHidden(this._parts.name, false);
    this._parts.rename.focus();
  }

  async _rename(event) {
    event.preventDefault();
    const name = this._field.value.trim();
    if (!name) return this._message.say("A name has at least one character.");
    const done = await this._change({ name });
    if (done) this._endRename();
  }

  async _change(change) {
    return this._saying(async () => {
      const item = await this._library.patch(this._item.id, change);
      if (item.id === this._item.id) this.show(item);
      this._message.done(change.name ? `It is called ${item.filename} now.` : item.protected ? "Protected." : "Not protected any more.");
    });
  }

  /** Do it, greyed meanwhile, and say why not; true when it was done. */
  async _saying(act) {
    this._root.setAttribute("aria-busy", "true");
    try {
      await act();
      return true;
    } catch (error) {
      this._message.say(error.message);
      return false;
    } finally {
      this._root.removeAttribute("aria-busy");
    }
  }
}

function howFar({ progress }) {
  return progress === null ? "It is going to be converted." : `Converting, ${Math.floor(progress * 100)} % done.`;
}

function factsOf(item) {
  const facts = [["Size", sizeText(item.size_bytes)], ["Picture", `${item.width_px} × ${item.height_px}`]];
  if (item.duration_s !== null) facts.push(["Length", lengthText(item.duration_s)]);
  if (item.frames && item.duration_s) facts.push(["Pictures", `${item.frames.toLocaleString("en-GB")}, ${rate(item)} a second`]);
  if (item.kind === "video") facts.push(["Dropped", item.dropped.toLocaleString("en-GB")]);
  if (item.by) facts.push(["By", item.by]);
  return facts;
}

function rate({ frames, duration_s: durationS }) {
  const hz = frames / durationS;
  return hz < 9.5 ? Number(hz.toFixed(1)) : Math.round(hz);
}
