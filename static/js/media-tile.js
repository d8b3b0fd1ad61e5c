/** One item as a small picture with a caption; a copy of the template that the server fills, too. */

import { partOf, setText } from "./dom.js";
import { labelText } from "./library-words.js";
import { badgeText, spokenText, thumbUrl, timeText } from "./media-words.js";

/** @param {HTMLTemplateElement} template @param {object} item @param {string} href of the opened item */
export function newTile(template, item, href) {
  const tile = template.content.firstElementChild.cloneNode(true);
  tile.dataset.id = item.id;
  tile.dataset.kind = item.kind;
  tile.querySelector("time").dateTime = item.date;
  tile.querySelector("a").href = href;
  return tile;
}

/** Write what may have changed. */
export function fillTile(tile, item) {
  tile.toggleAttribute("data-protected", item.protected);
  if (item.ready) delete tile.dataset.making;
  else tile.dataset.making = item.fault ? "failed" : "yes";
  const image = tile.querySelector("img");
  if (image.getAttribute("src") !== thumbUrl(item)) image.src = thumbUrl(item);
  setText(partOf(tile, "badge"), badgeText(item));
  setText(tile.querySelector("time"), timeText(new Date(item.date)));
  setText(tile.querySelector(".tile-name"), labelText(item));
  tile.querySelector("a").setAttribute("aria-label", spokenText(item));
  tile.querySelector("input").setAttribute("aria-label", `Select ${item.filename}`);
}
