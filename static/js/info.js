/** The information box: what is known of camera, picture and connection. It asks and writes only while it is open. */

import { send } from "./api.js";
import { filtersText, valueText } from "./camera-words.js";
import { make, setHidden, setText } from "./dom.js";
import { ageText, copyText, rateText } from "./words.js";
import { NAMES } from "./quality.js";

const UNKNOWN = "–";
const ASK_EVERY_MS = 2000;
const ROWS = {
  camera: "Camera", size: "Size", format: "Format", quality: "Quality", rate: "Shown", age: "Age", dropped: "Dropped",
  connection: "Connection", filters: "Filters",
};
/** What cameras adjust: [name, control, the one that says whether the camera does it by itself]. */
const ADJUSTED = [
  ["Exposure", "exposure_absolute", "exposure_auto"],
  ["Gain", "gain", "gain_auto"],
  ["White balance", "white_balance_temperature", "white_balance_auto"],
  ["Focus", "focus_absolute", "focus_auto"],
];

export class Info {
  /** @param {HTMLElement} root what to fill @param {Player} player @param {string} url of the camera's settings */
  constructor(root, player, url) {
    this.root = root;
    this._player = player;
    this._url = url;
    this._tuned = null;
    this._askedMs = -Infinity;
    this._list = make("dl");
    this._rows = new Map();
    root.append(this._list);
    for (const [name, label] of Object.entries(ROWS)) this._row(`info-${name}`, label);
    for (const [label, name] of ADJUSTED) setHidden(this._row(`info-${name}`, label).parentElement, true);
  }

  /** Several times a second; costs nothing while it is closed. */
  refresh() {
    if (this.root.hidden) return;
    const facts = { ...factsOf(this._player), "info-filters": this._tuned ? filtersText(this._tuned) : UNKNOWN };
    for (const [name, text] of Object.entries(facts)) setText(this._rows.get(name), text);
    if (performance.now() - this._askedMs > ASK_EVERY_MS) this._ask();
  }

  /** Cameras adjust themselves without telling anybody, so they are asked; an answer that fails leaves what was known. */
  async _ask() {
    this._askedMs = performance.now();
    const tuned = await send("GET", this._url).catch(() => null);
    if (!tuned) return;
    this._tuned = tuned;
    const controls = new Map(tuned.controls.map((control) => [control.name, control]));
    for (const [, name, automatic] of ADJUSTED) {
      const value = this._rows.get(`info-${name}`);
      const text = adjustedText(controls.get(name), controls.get(automatic));
      setText(value, text);
      setHidden(value.parentElement, text === "");
    }
    this.refresh();
  }

  _row(part, label) {
    const value = make("dd", { "data-part": part });
    this._rows.set(part, value);
    this._list.append(make("div", {}, make("dt", {}, label), value));
    return value;
  }
}

/** "automatic, 4600 K", "automatic" while the camera does not tell to what, "0.45", or "" for what it has not. */
function adjustedText(control, automatic) {
  if (!control && !automatic) return "";
  const isKnown = control?.value !== undefined && control.value !== null;
  const value = isKnown ? valueText(control.value, control.unit) : "";
  if (!automatic?.value) return value || UNKNOWN;
  return value ? `automatic, ${value}` : "automatic";
}

function factsOf({ camera, meter, screen, canvas, phase, quality, rendition }) {
  const nowMs = performance.now();
  const [rateHz, ageMs] = [meter.rateHz(nowMs), meter.ageMs(nowMs)];
  const cameraRate = camera?.rate_hz ? ` of ${rateText(camera.rate_hz)}` : "";
  return {
    "info-camera": camera?.name ?? UNKNOWN,
    "info-size": `${canvas.width} × ${canvas.height}`,
    "info-format": camera?.pixel_format || UNKNOWN,
    "info-quality": qualityText(quality, rendition),
    "info-rate": rateHz === null ? UNKNOWN : `${rateText(rateHz)}${cameraRate} /s`,
    "info-age": ageMs === null ? UNKNOWN : ageText(ageMs),
    "info-dropped": `${meter.missed} on the way, ${screen.skipped + screen.broken} here`,
    "info-connection": `${connection(phase)}${phase === "paused" ? "" : `, ${throughput(meter.rateBytes)}`}`,
  };
}

/** "Full", "Saver: half size, quality 50, the link is slow" */
function qualityText(quality, rendition) {
  if (!quality) return UNKNOWN;
  const copy = quality.current === "saver" && rendition ? [copyText(rendition)] : [];
  const parts = [...copy, quality.why].filter(Boolean);
  return NAMES[quality.current] + (parts.length ? `: ${parts.join(", ")}` : "");
}

function connection(phase) {
  return { video: "video", snapshots: "single pictures", waiting: "cut off" }[phase] ?? phase;
}

/** 1.2 MB/s, 310 kB/s */
function throughput(bytesPerSecond) {
  return bytesPerSecond < 1e6 ? `${Math.round(bytesPerSecond / 1000)} kB/s` : `${(bytesPerSecond / 1e6).toFixed(1)} MB/s`;
}
