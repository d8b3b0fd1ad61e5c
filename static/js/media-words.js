/** Sizes, lengths and items in words. The same words are in `web/words.py`. */

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

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

/** 14:05, in the watcher's time zone */
export function timeText(date) {
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
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

/** A recording may get its picture only when it has become a film: then browsers shall not show the old one. */
export function thumbUrl(item) {
  return item.ready ? item.thumb_url : `${item.thumb_url}?waiting`;
}

/** 7 is 07. */
export function two(number) {
  return String(number).padStart(2, "0");
}
