/** What the player says, in words: a pure function from its facts to a view. */

import { NAMES } from "./quality.js";

/**
 * @typedef {object} Facts
 * @property {string} phase connecting, video, snapshots, plain, waiting, login or paused
 * @property {number} nowMs performance.now
 * @property {number | null} shownMs when the last picture was drawn; null before the first
 * @property {number} staleAfterMs older pictures are dimmed
 * @property {boolean} isPlaceholder the picture is a sentence drawn by the server
 * @property {number | null} rateHz, ageMs as measured
 * @property {number} retryAtMs in phase waiting: when the next try comes
 * @property {string} trouble in phase waiting: the sentence why
 * @property {boolean} isFull in phase waiting: the server has no place for us
 * @property {Quality | undefined} quality which form of the picture is asked for, and why
 * @property {string | null} rendition what the server said of the copy it sends
 * @property {object | null} camera as in /api/status
 */

/**
 * @typedef {object} View
 * @property {string} tone live, warn, bad or quiet
 * @property {string} word the state in one or two words
 * @property {string} figures rate and age, or ""
 * @property {string} spoken the same for a screen reader, without figures that keep changing
 * @property {{title: string, text: string, action: string, isBusy: boolean} | null} veil
 * @property {boolean} isStale dim the picture
 * @property {string} note which form it is and why, or "" for the whole picture
 */

/** @param {Facts} facts @returns {View} */
export function describe(facts) {
  if (facts.phase === "paused") return view("quiet", "Paused", "Paused while this page is hidden.");
  if (facts.phase === "login") {
    return view("bad", "Logged out", "You are logged out.", veil("You are logged out", "Log in to see the picture.", "Log in"));
  }
  if (facts.phase === "waiting") return waiting(facts);
  if (facts.phase === "plain") return plain(facts);
  if (facts.shownMs === null) return connecting(facts);
  return silence(facts) === null ? running(facts) : silent(facts);
}

function running(facts) {
  const note = noteOf(facts);
  if (facts.isPlaceholder && facts.camera?.state === "starting") return view("quiet", "Starting", "The camera is starting.");
  if (facts.isPlaceholder) return { ...view("bad", "No picture", "No live picture. " + reason(facts.camera)), note };
  const isSingle = facts.phase === "snapshots";
  const tone = isSingle && facts.quality.isSlow ? "warn" : "live";
  const spoken = `${isSingle ? "" : "Live. "}${note && sentence(note)}`;
  return { ...view(tone, isSingle ? "Snapshots" : "Live", spoken), figures: figures(facts), note };
}

function plain(facts) {
  const isLive = facts.camera === null || facts.camera.state === "live";
  return isLive ? view("live", "Live", "Live.") : view("bad", "No picture", "No live picture. " + reason(facts.camera));
}

function connecting(facts) {
  const isStarting = facts.camera?.state === "starting";
  const title = isStarting ? "The camera is starting" : "Connecting";
  return view("quiet", isStarting ? "Starting" : "Connecting", title + ".", veil(title, "", "", true));
}

function silent(facts) {
  const title = noPicture(facts);
  const text = facts.phase === "connecting" ? "Connecting again." : "Connected, waiting for the next picture.";
  const card = veil(title, reason(facts.camera) || text, "Try now");
  return { ...view("bad", title, "No picture."), veil: card, isStale: true, note: noteOf(facts) };
}

function waiting(facts) {
  const leftS = Math.max(0, Math.ceil((facts.retryAtMs - facts.nowMs) / 1000));
  const next = leftS > 0 ? `Next try in ${leftS}\u00a0s.` : "Trying again.";
  const title = facts.isFull ? "No free place" : noPicture(facts);
  const word = facts.isFull ? "Full" : title;
  const trouble = sentence(facts.trouble);
  const card = veil(title, `${trouble} ${next}`, "Try now");
  return { ...view(facts.isFull ? "warn" : "bad", word, trouble, card), isStale: true };
}

/** "No picture for 7 s", or without the figure while it is young or there never was one. */
function noPicture(facts) {
  const seconds = silence(facts);
  return seconds === null ? "No picture" : `No picture for ${duration(seconds)}`;
}

/** Whole seconds since the last picture, or null while it is fresh enough. */
function silence(facts) {
  if (facts.shownMs === null || facts.nowMs - facts.shownMs < facts.staleAfterMs) return null;
  return Math.floor((facts.nowMs - facts.shownMs) / 1000);
}

function reason(camera) {
  if (!camera || camera.state === "live" || camera.state === "idle") return "";
  if (camera.state === "starting") return "The camera is starting.";
  return camera.reason ? sentence(camera.reason) : "The camera gives no picture.";
}

/** With a capital at its start, unless that is a name or an address, and a full stop at its end. */
export function sentence(text) {
  const trimmed = text.trim();
  const start = /^[a-z]+([\s,;]|[.!?]?$)/.test(trimmed) ? trimmed.charAt(0).toUpperCase() : trimmed.charAt(0);
  return start + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? "" : ".");
}

/** 59 s, 3 min, 2 h, 4 d */
export function duration(seconds) {
  if (seconds < 60) return `${seconds}\u00a0s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
}

/** "Saver: the link is slow", and what comes instead where the server makes no further copy. */
function noteOf({ quality, rendition }) {
  if (!quality || quality.current === "full") return "";
  const instead = rendition?.endsWith("nearest") ? `; the nearest copy there is: ${copyText(rendition)}` : "";
  return `${NAMES[quality.current]}: ${quality.why}${instead}`;
}

/** "scale=1/2; quality=50" is "half size, quality 50" to a person. */
export function copyText(rendition) {
  const [scale, quality] = rendition.split("; ").map((part) => part.split("=")[1]);
  return `${scale === "1" ? "full" : "half"} size, quality ${quality}`;
}

/** 30/s · 42 ms, after the form's name where that is another than the word beside it */
function figures(facts) {
  const form = facts.quality?.current === "saver" ? NAMES.saver + " " : "";
  const rate = facts.rateHz === null ? "" : `${rateText(facts.rateHz)}/s`;
  const age = facts.ageMs === null ? "" : ageText(facts.ageMs);
  return form + [rate, age].filter(Boolean).join(" · ");
}

/** Whole numbers from 10 on, one decimal below. */
export function rateText(rateHz) {
  return rateHz < 9.95 ? rateHz.toFixed(1) : String(Math.round(rateHz));
}

/** Milliseconds up to 2 s, then seconds. Below zero is the error of the clocks: shown as 0. */
export function ageText(ageMs) {
  return ageMs < 2000 ? `${Math.max(0, Math.round(ageMs))} ms` : `${(ageMs / 1000).toFixed(1)} s`;
}

function veil(title, text, action, isBusy = false) {
  return { title, text, action, isBusy };
}

function view(tone, word, spoken, card = null) {
  return { tone, word, figures: "", spoken: spoken.trim(), veil: card, isStale: false, note: "" };
}
