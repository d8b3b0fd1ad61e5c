/** The list that names, numbers, moves and removes presets. It lies in the panel, so that nothing ever covers STOP. */

import { make } from "./dom.js";

export class PresetEditor {
  /** @param {Presets} presets @param {Turret} turret */
  constructor(presets, turret) {
    this._presets = presets;
    this._turret = turret;
    this.list = make("ul", { class: "preset-list", "aria-label": "Presets" });
    this.refresh();
  }

  /** After every change of the presets, whoever made it; what is being typed stays. */
  refresh() {
    const active = this.list.contains(document.activeElement) ? document.activeElement : null;
    const [focused, typed] = [active?.id, active?.value];
    this.list.replaceChildren(...this._presets.items.map((item) => this._row(item)));
    const again = focused && document.getElementById(focused);
    if (!again) return;
    if (again.tagName === "INPUT") again.value = typed;
    again.focus();
  }

  _row(item) {
    const name = make("input", {
      id: `preset-name-${item.id}`, value: item.name, maxlength: 40, "aria-label": "Name", autocomplete: "off",
      onchange: () => this._change(item, { name: name.value.trim() }, "Renamed."),
    });
    const key = make("select", {
      id: `preset-key-${item.id}`, "aria-label": `Key of ${item.name}`,
      onchange: () => this._change(item, { slot: Number(key.value) || null }, "Key changed."),
    });
    key.append(make("option", { value: "" }, "no key"));
    for (let slot = 1; slot <= 9; slot += 1) {
      key.append(make("option", { value: slot, selected: slot === item.slot }, `key ${slot}`));
    }
    const here = button(item, "here", "Keep here", () => this._presets.keep(item));
    const remove = button(item, "remove", "Delete", () => this._remove(item));
    return make("li", {}, name, key, here, remove);
  }

  async _change(item, change, done) {
    const isDone = await this._turret.saying({ busy: "Changing it.", done }, () => {
      return this._turret.ask("PATCH", `presets/${item.id}`, change);
    });
    if (!isDone) this.refresh();
  }

  _remove(item) {
    return this._turret.saying({ busy: "Deleting it." }, async () => {
      await this._turret.ask("DELETE", `presets/${item.id}`);
      this._turret.message.done(`${item.name} is deleted`, () => this._presets.undo(item.id));
    });
  }
}

function button(item, name, text, onclick) {
  return make("button", { type: "button", class: "button", id: `preset-${name}-${item.id}`, "aria-label": `${text}: ${item.name}`, onclick }, text);
}
