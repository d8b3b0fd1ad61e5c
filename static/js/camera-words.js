/** What is done to the picture, in words, and who did it. */

/** Filters that are on or off: [field of /api/camera, words]. */
export const SWITCHES = [
  ["grayscale", "Gray"],
  ["half_resolution", "Half size"],
  ["flip_horizontal", "Mirror"],
  ["flip_vertical", "Upside down"],
  ["timestamp", "Date and time"],
  ["white_balance_correction", "Correct the colors"],
  ["edges", "Edges"],
];

/** [degrees clockwise, words] */
export const TURNS = [[0, "Not turned"], [90, "90° right"], [180, "180°"], [270, "90° left"]];

const NAMED_MOST = 3;
const FULL_SIZE_PHOTO = "full_resolution";

/** "Gray, Zoom 2×", or "none". @param {object} camera as in /api/camera */
export function filtersText(camera) {
  const words = SWITCHES.filter(([name]) => camera[name]).map(([, label]) => label);
  if (camera.rotation) words.push(TURNS.find(([turn]) => turn === camera.rotation)?.[1] ?? `${camera.rotation}°`);
  if (camera.zoom > 1) words.push(`Zoom ${camera.zoom}×`);
  if (camera.label) words.push(`“${camera.label}”`);
  return words.join(", ") || "none";
}

/** "Ann changed Contrast, Gray.", or for what the picture pauses. @param {(name: string) => string | undefined} labelOf what the camera calls it */
export function changeText({ changed_by, changed }, labelOf) {
  if (changed.includes(FULL_SIZE_PHOTO)) return `${changed_by} takes a photo in full size: the live picture pauses for a moment.`;
  const words = changed.slice(0, NAMED_MOST).map((name) => labelOf(name) ?? wordsOf(name));
  const more = changed.length - NAMED_MOST;
  return `${changed_by} changed ${words.join(", ")}${more > 0 ? ` and ${more} more` : ""}.`;
}

/** white_balance_auto -> White balance auto */
function wordsOf(name) {
  const known = SWITCHES.find(([field]) => field === name);
  if (known) return known[1];
  return name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
}

/** "12 ms", "0.45", "4600 K". Microseconds are shown as milliseconds. */
export function valueText(value, unit) {
  const [shown, name] = unit === "us" ? [value / 1000, "ms"] : [value, unit];
  const figure = Math.round(shown * 1000) / 1000;
  return name === "×" ? `${figure}×` : `${figure} ${name}`.trim();
}
