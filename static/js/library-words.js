/** Counts, days and names in words, as the pages of the library show them. The same words are in `web/words.py`. */

import { sizeText, two } from "./media-words.js";

const KINDS = { photo: ["photo", "photos"], video: ["video", "videos"], timelapse: ["timelapse", "timelapses"] };
const DAY_MS = 86400000;
const MADE_UP_NAME = /^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(-\d+)?\.\w+$/;

/** "1 photo", "1,200 items" */
export function countText(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en-GB")} ${count === 1 ? one : many}`;
}

/** "2 photos and 1 video" */
export function kindsText(items) {
  const counts = Object.entries(KINDS).map(([kind, words]) => [items.filter((item) => item.kind === kind).length, words]);
  const parts = counts.filter(([count]) => count).map(([count, words]) => countText(count, ...words));
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** 2026-11-21, in the watcher's time zone */
export function dayOf(date) {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** "Today", "Yesterday", "Saturday 21 November"; with the year when it is not this one. */
export function dayText(date, now = new Date()) {
  if (dayOf(date) === dayOf(now)) return "Today";
  if (dayOf(date) === dayOf(new Date(now.getTime() - DAY_MS))) return "Yesterday";
  const year = date.getFullYear() === now.getFullYear() ? "" : ` ${date.getFullYear()}`;
  const name = (style) => date.toLocaleDateString("en-GB", style);
  return `${name({ weekday: "long" })} ${date.getDate()} ${name({ month: "long" })}${year}`;
}

/** What a tile says beside the time: the name somebody gave it, else its size. */
export function labelText(item) {
  return MADE_UP_NAME.test(item.filename) ? sizeText(item.size_bytes) : item.filename;
}

/** cat.jpg -> cat */
export function stemOf(filename) {
  return filename.replace(/\.[^.]+$/, "");
}
