/** The timelapse's dialog: what to shoot and when; while one runs, how it is doing and an end to it. */

import { send } from "./api.js";
import { partOf, setHidden, setText, styled } from "./dom.js";
import { countText } from "./library-words.js";
import { markupOf } from "./media-open.js";
import { lengthText, sizeText } from "./media-words.js";
import { sentence } from "./words.js";

const TICK_MS = 500;
const DAY_S = 86400;
const PHOTO_BYTES = 120000; // before there is one to go by
const PRESETS = {
  pet: {
    text: "Pet cam: a photo every 5 minutes, kept one day.",
    values: { every: 5, every_unit: 60, ends: "no", window: "all", keep_days: 1, name: "pet cam" },
    keeps: true, films: false,
  },
  day: {
    text: "A day outside: a photo every 20 seconds from 6 to 21 o'clock, as a film of a day.",
    values: { every: 20, every_unit: 1, ends: "yes", lasts: 1, lasts_unit: 86400, window: "times", from: "06:00", until: "21:00", name: "day" },
    keeps: false, films: true,
  },
  print: {
    text: "A print: a photo every 15 seconds until you end it, as a film.",
    values: { every: 15, every_unit: 1, ends: "no", window: "all", name: "print" },
    keeps: false, films: true,
  },
};

export class Timelapse {
  /** @param {{api: string, panels: string}} urls @param {Turret} turret for role and messages */
  constructor(urls, turret) {
    this._urls = urls;
    this._turret = turret;
    this._state = null;
    this._root = null;
    this._building = null;
    this._isStarting = false;
    this._isEnding = false;
    this._tookAtMs = 0;
  }

  async open() {
    try {
      await (this._building ??= this._build()); // once, however often the button is pressed meanwhile
    } catch (error) {
      this._building = null;
      return this._turret.message.say(error.message);
    }
    this.refresh();
    return this._root.open || this._root.showModal();
  }

  /** @param {object | null} state as in /api/status */
  take(state) {
    this._state = state;
    this._tookAtMs = Date.now();
    if (this._root) this.refresh();
  }

  refresh() {
    const lapse = this._state?.timelapse;
    const isMaking = (lapse?.rendering ?? null) !== null;
    const isBusy = Boolean(lapse?.running) || isMaking;
    setHidden(partOf(this._root, "lapse-running"), !isBusy);
    setHidden(this._form, isBusy);
    if (isBusy) this._showRunning(lapse, isMaking && !lapse.running);
    else this._showForm();
  }

  /** @param {boolean} isFilm nothing is shot any more, its film is being made */
  _showRunning(lapse, isFilm) {
    const progress = partOf(this._root, "lapse-progress");
    const [end, cancel] = ["end", "cancel"].map((name) => partOf(this._root, `lapse-${name}`));
    setText(partOf(this._root, "lapse-shots"), `${lapse.name ?? "Timelapse"}: ${countText(lapse.shots, "photo")}`);
    setText(partOf(this._root, "lapse-next"), isFilm ? `The film is being made, ${Math.floor(lapse.rendering * 100)} % done.` : nextText(lapse));
    setText(partOf(this._root, "lapse-missed"), missedText(lapse));
    setHidden(progress, !isFilm);
    progress.value = lapse.rendering ?? 0;
    for (const button of [end, cancel]) button.disabled = this._turret.roleRefusal("operator") !== "" || this._isEnding;
    // It stays where it is: a finger on its way to it must not find another button there.
    setText(end, isFilm ? "It has ended" : "End it now");
    end.disabled ||= isFilm;
    setHidden(cancel, !isFilm);
  }

  _showForm() {
    const fields = this._form.elements;
    for (const name of ["lasts", "lasts_unit"]) setHidden(fields[name], fields.ends.value !== "yes");
    for (const name of ["from", "until"]) setHidden(fields[name], fields.window.value !== "times");
    setHidden(fields.keep_days, !fields.keep_stills.checked);
    const refusal = this._turret.roleRefusal("operator");
    const isUseless = !fields.keep_stills.checked && !fields.make_film.checked;
    partOf(this._root, "lapse-start").disabled = refusal !== "" || isUseless || this._isStarting;
    setText(partOf(this._root, "lapse-sum"), isUseless ? "Keep the photos, make a film, or both." : this._sumText());
    if (refusal) setText(partOf(this._root, "lapse-fault"), refusal);
  }

  /** How many photos that is, how large, and how long the film. */
  _sumText() {
    const wish = this._wish();
    const days = wish.duration_s ? wish.duration_s / DAY_S : 1;
    const photos = Math.max(1, Math.floor((days * share(wish) * DAY_S) / wish.interval_s));
    const per = wish.duration_s ? "" : " a day";
    const { photo } = this._state?.media.totals ?? {};
    const size = photo?.count ? photo.size_bytes / photo.count : PHOTO_BYTES;
    const film = wish.make_film ? `, a film of ${lengthText(photos / Number(this._form.dataset.rate))}` : "";
    const room = wish.keep_stills ? `, about ${sizeText(photos * size)}` : "";
    return `${countText(photos, "photo")}${per}${room}${film}`;
  }

  _wish() {
    const fields = this._form.elements;
    const isWindow = fields.window.value;
    return {
      name: fields.name.value.trim() || undefined,
      interval_s: Number(fields.every.value) * Number(fields.every_unit.value),
      duration_s: fields.ends.value === "yes" ? Number(fields.lasts.value) * Number(fields.lasts_unit.value) : undefined,
      from: { times: fields.from.value, sun: "sunrise" }[isWindow],
      until: { times: fields.until.value, sun: "sunset" }[isWindow],
      width_px: Number(fields.width_px.value) || undefined,
      keep_stills: fields.keep_stills.checked,
      make_film: fields.make_film.checked,
      keep_days: fields.keep_stills.checked ? Number(fields.keep_days.value) || undefined : undefined,
    };
  }

  async _build() {
    const [markup] = await Promise.all([
      markupOf(`${this._urls.panels}timelapse`),
      styled("timelapse"),
    ]);
    document.body.append(...markup.children);
    this._root = partOf(document, "lapse-dialog");
    this._form = partOf(this._root, "lapse-form");
    this._form.addEventListener("input", () => this._edited());
    this._form.addEventListener("submit", (event) => this._start(event));
    for (const button of this._presets) button.addEventListener("click", () => this._choose(button.dataset.preset));
    partOf(this._root, "lapse-end").addEventListener("click", () => this._end());
    partOf(this._root, "lapse-cancel").addEventListener("click", () => this._cancel());
    setInterval(() => this._root.open && this.refresh(), TICK_MS);
  }

  get _presets() {
    return this._form.querySelectorAll("[data-preset]");
  }

  _edited() {
    for (const button of this._presets) button.setAttribute("aria-pressed", "false");
    setText(partOf(this._root, "lapse-fault"), "");
    this._showForm();
  }

  _choose(name) {
    const { text, values, keeps, films } = PRESETS[name];
    const fields = this._form.elements;
    for (const [field, value] of Object.entries({ lasts: 1, keep_days: "", ...values })) fields[field].value = value;
    fields.keep_stills.checked = keeps;
    fields.make_film.checked = films;
    this._edited();
    this._form.querySelector(`[data-preset="${name}"]`).setAttribute("aria-pressed", "true");
    setText(partOf(this._root, "lapse-preset-text"), text);
  }

  async _start(event) {
    event.preventDefault();
    if (this._isStarting) return;
    this._isStarting = true;
    this._showForm();
    try {
      await send("POST", `${this._urls.api}/timelapses`, this._wish());
      this._root.close();
      this._turret.message.done("The timelapse has begun");
    } catch (error) {
      setText(partOf(this._root, "lapse-fault"), sentence(error.message));
    }
    this._isStarting = false;
    this._showForm();
  }

  /** It has ended as well when it did so by itself just before; its film is left alone. */
  _end() {
    const query = `started_at=${encodeURIComponent(this._state.timelapse.started_at)}`;
    return this._finish(query, "The timelapse has ended");
  }

  _cancel() {
    return this._finish(`film_id=${this._state.timelapse.film_id}`, "The film was cancelled. It can be tried again in the gallery.");
  }

  /** Once, however often the button is pressed meanwhile. */
  async _finish(query, done) {
    if (this._isEnding) return;
    this._isEnding = true;
    try {
      await send("DELETE", `${this._urls.api}/timelapses/current?${query}`);
      this._root.close();
      this._turret.message.done(done);
    } catch (error) {
      this._turret.message.say(error.message);
    }
    this._isEnding = false;
    this.refresh();
  }
}

/** "Next photo in 0:23. It ends on Sunday 22 November, 14:00." */
function nextText(lapse) {
  const inS = lapse.next_at ? (Date.parse(lapse.next_at) - Date.now()) / 1000 : null;
  const next = inS === null ? "" : inS < DAY_S ? `Next photo in ${lengthText(Math.max(0, inS))}. ` : `Next photo ${moment(lapse.next_at)}. `;
  return next + (lapse.ends_at ? `It ends on ${moment(lapse.ends_at)}.` : "It goes on until you end it.");
}

function missedText({ missed, reason }) {
  if (!missed) return "";
  return `${countText(missed, "photo")} missed${reason ? `: ${sentence(reason)}` : "."}`;
}

function moment(date) {
  return new Date(date).toLocaleString("en-GB", { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" });
}

/** Which share of a day is shot. */
function share({ from, until }) {
  if (!from || !until || from === "sunrise") return from ? 0.5 : 1;
  const [begin, end] = [from, until].map((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)));
  return ((end - begin + 1440) % 1440 || 1440) / 1440;
}
