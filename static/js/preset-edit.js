/** The list that names, numbers, moves and removes presets. It lies in the panel, so that nothing ever covers STOP. */

import { arrange, make } from "./dom.js";

export class PresetEditor {
  /** @param {Presets} presets @param {Turret} turret */
  constructor(presets, turret) {
    this._presets = presets;
    this._turret = turret;
    this._rows = new Map();
    this.list = make("ul", { class: "preset-list", "aria-label": "Presets" });
    this.refresh();
  }

  /** After every change of the presets, whoever made it; what is being typed stays. */
  refresh() {
    const { items } = this._presets;
    this._rows = new Map(items.map((item) => [item.id, filled(this._rows.get(item.id) ?? this._newRow(item.id), item)]));
    arrange(this.list, [...this._rows.values()]);
  }

  _newRow(id) {
    const item = () => this._presets.items.find((known) => known.id === id);
    const name = make("input", {
      maxlength: 40, "aria-label": "Name", autocomplete: "off",
      onchange: () => this._change(item(), { name: name.value.trim() }, "Renamed."),
    });
    const key = make("select", { onchange: () => this._change(item(), { slot: Number(key.value) || null }, "Key changed.") });
    key.append(make("option", { value: "" }, "no key"));
    for (let slot = 1; slot <= 9; slot += 1) key.append(make("option", { value: slot }, `key ${slot}`));
    const here = button("Keep here", () => this._presets.keep(item()));
    const remove = button("Delete", () => this._remove(item()));
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

function button(text, onclick) {
  return make("button", { type: "button", class: "button", onclick }, text);
}

/** The row with what its preset is now. */
function filled(row, item) {
  const [name, key, here, remove] = row.children;
  if (name !== document.activeElement) name.value = item.name;
  key.value = String(item.slot ?? "");
  key.setAttribute("aria-label", `Key of ${item.name}`);
  for (const button of [here, remove]) button.setAttribute("aria-label", `${button.textContent}: ${item.name}`);
  return row;
}
