/** What an opened item looks like: the whole photo, the film with its controls, or how it was recorded so far. */

import { explain } from "./api.js";
import { make } from "./dom.js";
import { sentence } from "./words.js";

export class MediaScreen {
  constructor(root) {
    this._root = root;
    this._key = "";
    root.addEventListener("click", (event) => {
      if (event.target.matches("img.is-photo")) this._zoom(event);
      if (event.target.matches("img.is-preview")) event.target.src = `${event.target.dataset.from}?${Date.now()}`;
    });
  }

  /** Show an item; nothing is touched while it looks the same. */
  show(item) {
    const key = `${item.id} ${item.ready}`;
    if (key === this._key) return;
    this.clear();
    this._key = key;
    this._root.append(item.ready ? whole(item, () => this._explain(item)) : preview(item));
  }

  /** Let go of film and stream. */
  clear() {
    this._key = "";
    this._root.classList.remove("is-zoomed");
    for (const element of this._root.children) {
      element.pause?.();
      element.removeAttribute("src");
      element.load?.();
    }
    this._root.replaceChildren();
  }

  /** Play or pause a film. */
  toggle() {
    const video = this._root.querySelector("video");
    if (video?.paused) video.play();
    else video?.pause();
  }

  /** A photo in its own size, with the point that was clicked in the middle; and back. */
  _zoom(event) {
    const { offsetX, offsetY, target } = event;
    const [x, y] = [offsetX / target.clientWidth, offsetY / target.clientHeight];
    const root = this._root;
    root.classList.toggle("is-zoomed");
    root.scrollTo(x * root.scrollWidth - root.clientWidth / 2, y * root.scrollHeight - root.clientHeight / 2);
  }

  /** The file cannot be shown: the server knows why. */
  async _explain(item) {
    const answer = await fetch(item.url, { headers: { Range: "bytes=0-0" } }).catch(() => null);
    if (this._key !== `${item.id} true`) return;
    const why = answer === null ? "The turret does not answer." : answer.ok ? "This browser cannot show it." : await explain(answer);
    this._root.replaceChildren(make("p", { class: "player-fault" }, sentence(why)));
  }
}

/** A photo, or a still of a timelapse: no film, and none to come. */
export function isPicture(item) {
  return item.ready && item.duration_s === null;
}

function whole(item, onFault) {
  const size = { width: item.width_px, height: item.height_px };
  if (isPicture(item)) {
    const image = make("img", { class: "is-photo", alt: item.filename, ...size, onerror: onFault });
    image.style.background = `url("${item.thumb_url}") center / 100% 100% no-repeat`; // until the whole one is here
    image.src = item.url;
    return image;
  }
  const video = make("video", { controls: true, playsinline: true, preload: "auto", poster: item.thumb_url, ...size, onerror: onFault });
  video.muted = true; // there is no sound; and muted films may begin by themselves
  video.src = item.url;
  video.play().catch(() => {}); // the browser or the person would rather not: the controls are there
  return video;
}

function preview(item) {
  const title = "Click to play it from the beginning";
  const size = { width: item.width_px, height: item.height_px };
  return make("img", { class: "is-preview", src: item.preview_url, "data-from": item.preview_url, alt: `${item.filename} as it was recorded`, title, ...size });
}
