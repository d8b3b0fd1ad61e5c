/** The newest items in a row, and a place for the photo that is on its way. */

import { make, setText } from "./dom.js";
import { badgeText, sizeText, spokenText, thumbUrl, timeText } from "./media-words.js";

export const SHOTS = 6;

/**
 * @param {HTMLElement} root @param {object[]} newest items @param {object[]} converting of the state: how far they are
 * @param {boolean} isWaiting for a photo @param {string} gallery address that opens an item with ?item=
 */
export function showShots(root, newest, converting, isWaiting, gallery) {
  const progress = new Map(converting.map((entry) => [entry.id, entry.progress]));
  const known = new Map([...root.children].map((shot) => [shot.dataset.id, shot]));
  const shots = newest.map((item) => filled(known.get(String(item.id)) ?? newShot(item, gallery), item, progress));
  const wanted = [...(isWaiting ? [known.get("") ?? waitingShot()] : []), ...shots].slice(0, SHOTS);
  const isSame = wanted.length === root.children.length && wanted.every((shot, index) => root.children[index] === shot);
  if (!isSame) root.replaceChildren(...wanted);
}

function newShot(item, gallery) {
  const [image, badge, caption] = [make("img", { src: thumbUrl(item), alt: "" }), make("b"), make("span", { class: "shot-caption" }, make("span"), make("span"))];
  return make("a", { class: "shot", "data-id": item.id, href: `${gallery}?item=${item.id}` }, image, badge, caption);
}

function filled(shot, known, progress) {
  const item = { ...known, progress: progress.get(known.id) ?? known.progress };
  const [, badge, caption] = shot.children;
  setText(badge, badgeText(item));
  if (item.ready) delete shot.dataset.making;
  else shot.dataset.making = item.fault ? "failed" : "yes";
  setText(caption.firstChild, `${timeText(new Date(item.date))} ${item.kind}`);
  setText(caption.lastChild, sizeText(item.size_bytes));
  shot.setAttribute("aria-label", spokenText(item));
  return shot;
}

function waitingShot() {
  return make("span", { class: "shot", "data-id": "", role: "img", "aria-label": "Photo coming" }, make("i", { class: "wait" }));
}
