/** Adding a file that somebody put into the media folder: those without a row are listed, any can be named. */

import { send } from "./api.js";
import { make, partOf, setText } from "./dom.js";
import { countText } from "./library-words.js";
import { sizeText } from "./media-words.js";

const SHOWN = 50;
const FOLDERS = { photo: "photos", video: "videos", timelapse: "timelapse" };

export class FilesTask {
  constructor(root, api, message) {
    Object.assign(this, { _api: api, _message: message });
    this._text = partOf(root, "files-text");
    this._list = partOf(root, "files-list");
    this._form = partOf(root, "files-form");
    this._looks = 0;
    this._form.addEventListener("submit", (event) => this._submit(event));
    this.reload();
  }

  /** Look into the folder again; of several looks the last one counts, whichever is answered last. */
  async reload() {
    const look = (this._looks += 1);
    try {
      const { files } = await send("GET", `${this._api}/media/unknown`);
      if (look === this._looks) this._show(files);
    } catch (error) {
      if (look === this._looks) setText(this._text, error.message);
    }
  }

  _show(files) {
    setText(this._text, files.length ? `${countText(files.length, "file has", "files have")} no row.` : "Every file has its row.");
    const rest = files.length - SHOWN;
    const lines = files.slice(0, SHOWN).map((file) => this._line(file));
    if (rest > 0) lines.push(make("li", {}, `and ${countText(rest, "more file")}; Check and repair adds them all`));
    this._list.replaceChildren(...lines);
  }

  _line({ kind, filename, size_bytes: sizeBytes }) {
    const add = make("button", { type: "button", class: "button", "aria-label": `Add ${filename}`, onclick: () => this._add(kind, filename, add) }, "Add");
    return make("li", {}, make("span", {}, `${FOLDERS[kind]}/${filename}`), make("small", {}, sizeText(sizeBytes)), add);
  }

  async _submit(event) {
    event.preventDefault();
    const { kind, filename } = this._form.elements;
    const name = filename.value.trim().replace(/^.*\//, "");
    if (await this._add(kind.value, name, event.submitter)) this._form.reset();
  }

  async _add(kind, filename, button) {
    button.disabled = true;
    try {
      await send("POST", `${this._api}/media`, { kind, filename });
      this._message.done(`${filename} added`);
      await this.reload();
      return true;
    } catch (error) {
      this._message.say(error.message);
      return false;
    } finally {
      button.disabled = false;
    }
  }
}
