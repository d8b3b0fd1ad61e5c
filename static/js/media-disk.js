/** The disk: how much is free, and what takes the room. */

import { partOf, setHidden, setText } from "./dom.js";
import { countText, sizeText } from "./media-words.js";

/** @param {HTMLElement} root @param {HTMLElement} sum all items in words @param {object} media of the state */
export function showDisk(root, sum, { disk, totals }) {
  const ours = Object.values(totals).reduce((size, kind) => size + kind.size_bytes, 0);
  const count = Object.values(totals).reduce((all, kind) => all + kind.count, 0);
  setText(sum, `${countText(count, "item")} · ${sizeText(ours)}`);
  setHidden(root, disk.free_bytes === null);
  for (const [kind, total] of Object.entries(totals)) {
    setText(partOf(root, `disk-${kind}`), `${total.count.toLocaleString("en-GB")} · ${sizeText(total.size_bytes)}`);
  }
  if (disk.free_bytes === null) return;
  setText(partOf(root, "disk-free"), sizeText(disk.free_bytes));
  setText(partOf(root, "disk-rest"), `${sizeText(disk.free_bytes)} of ${sizeText(disk.total_bytes)}`);
  const used = disk.total_bytes - disk.free_bytes;
  const [usedBar, oursBar] = partOf(root, "disk-bar").children;
  for (const [bar, part] of [[usedBar, used], [oursBar, Math.min(ours, used)]]) {
    bar.setAttribute("width", ((part / (disk.total_bytes || 1)) * 1000).toFixed(1));
  }
}
