/** The disk: how much is free, what takes the room, and what goes next to keep it so. */

import { partOf, setHidden, setText } from "./dom.js";
import { countText } from "./library-words.js";
import { sizeText } from "./media-words.js";
import { sentence } from "./words.js";

/** @param {HTMLElement} root @param {HTMLElement} sum all items in words @param {object} media of the state */
export function showDisk(root, sum, { disk, totals }) {
  const ours = Object.values(totals).reduce((size, kind) => size + kind.size_bytes, 0);
  const count = Object.values(totals).reduce((all, kind) => all + kind.count, 0);
  setText(sum, `${countText(count, "item")} · ${sizeText(ours)}`);
  for (const [kind, total] of Object.entries(totals)) {
    setText(partOf(root, `disk-${kind}`), `${total.count.toLocaleString("en-GB")} · ${sizeText(total.size_bytes)}`);
  }
  setHidden(root, disk.free_bytes === null && !disk.problem);
  root.toggleAttribute("data-problem", Boolean(disk.problem));
  for (const [name, text] of Object.entries(textsOf(disk))) {
    setText(partOf(root, name), text);
    setHidden(partOf(root, name), text === "");
  }
  if (disk.free_bytes !== null) showRoom(root, disk, ours);
}

function showRoom(root, disk, ours) {
  const used = disk.total_bytes - disk.free_bytes;
  const [usedBar, oursBar] = partOf(root, "disk-bar").children;
  setText(partOf(root, "disk-free"), sizeText(disk.free_bytes));
  setText(partOf(root, "disk-rest"), `${sizeText(disk.free_bytes)} of ${sizeText(disk.total_bytes)}`);
  for (const [bar, part] of [[usedBar, used], [oursBar, Math.min(ours, used)]]) {
    bar.setAttribute("width", ((part / (disk.total_bytes || 1)) * 1000).toFixed(1));
  }
}

/** What is wrong, what goes next, what went last. */
function textsOf({ problem, next, last }) {
  return {
    "disk-problem": problem ? sentence(problem) : "",
    "disk-next": next ? nextText(next) : "",
    "disk-last": last ? `Gone ${moment(last.at)}: ${others(last)}, because ${last.why}.` : "",
  };
}

function nextText({ filename, why, at }) {
  return at ? `Next to go ${moment(at)}: ${filename}, because ${why}.` : `Next to go: ${filename}, as soon as ${why}.`;
}

function others({ filename, count }) {
  return count === 1 ? filename : `${filename} and ${count - 1} more`;
}

/** "on Sat 21 Nov, 14:05" */
function moment(date) {
  return `on ${new Date(date).toLocaleString("en-GB", { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" })}`;
}
