/** Sizes, lengths, days and items in words. The same words are in `web/words.py`. */

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];
const KINDS = { photo: ["photo", "photos"], video: ["video", "videos"], timelapse: ["timelapse", "timelapses"] };
const DAY_MS = 86400000;
const MADE_UP_NAME = /^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(-\d+)?\.\w+$/;

/** 812 kB, 1.2 MB, 41.2 GB: at most one decimal, and none from 100 on. */
export function sizeText(sizeBytes) {
  let [size, unit] = [sizeBytes, 0];
  for (; size >= 999.5 && unit < UNITS.length - 1; unit += 1) size /= 1000;
  return `${size.toFixed(unit < 2 || size >= 99.95 ? 0 : 1)} ${UNITS[unit]}`;
}

/** 0:24, 12:05, 1:02:03; "" for what has no length. */
export function lengthText(durationS) {
  if (durationS === null) return "";
  const whole = Math.round(durationS);
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(seconds)}`;
}

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

/** 14:05, in the watcher's time zone */
export function timeText(date) {
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
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

/** What stands on an item's picture: its length, or how far it has become a film. */
export function badgeText(item) {
  if (item.ready) return lengthText(item.duration_s);
  if (item.fault) return "failed";
  return item.progress === null ? "waiting" : `converting ${Math.floor(item.progress * 100)} %`;
}

/** An item in one breath, for who does not see it. */
export function spokenText(item) {
  const facts = [item.kind, item.filename, timeText(new Date(item.date)), badgeText(item), item.protected ? "protected" : ""];
  return facts.filter(Boolean).join(", ");
}

/** What a tile says beside the time: the name somebody gave it, else its size. */
export function labelText(item) {
  return MADE_UP_NAME.test(item.filename) ? sizeText(item.size_bytes) : item.filename;
}

/** A recording may get its picture only when it has become a film: then browsers shall not show the old one. */
export function thumbUrl(item) {
  return item.ready ? item.thumb_url : `${item.thumb_url}?waiting`;
}

/** cat.jpg -> cat */
export function stemOf(filename) {
  return filename.replace(/\.[^.]+$/, "");
}

function two(number) {
  return String(number).padStart(2, "0");
}
