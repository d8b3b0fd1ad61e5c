/** The gallery: wires filter, grid, selection, player and the feed of changes together. */

import { leaveIfLoggedOut, StateFeed } from "./api.js";
import { followVisibility, lazily, partOf, setHidden, setText } from "./dom.js";
import { Chosen } from "./media-chosen.js";
import { showDisk } from "./media-disk.js";
import { Filter } from "./media-filter.js";
import { Grid } from "./media-grid.js";
import { Library } from "./media-library.js";
import { Selection } from "./media-select.js";
import { closeMenuOutside } from "./menu.js";
import { Message } from "./message.js";

const EARLY_PX = "1200px"; // older items are fetched before their place is seen

const root = partOf(document, "gallery");
const settings = JSON.parse(root.dataset.settings);
const refusal = settings.user.role === "viewer" ? "Your role is viewer; this needs operator." : "";
const message = new Message(partOf(document, "toast"));
const filter = new Filter(partOf(root, "filter"), changeFilter);
const library = new Library(settings.api, filter.wanted, show);
const grid = new Grid(partOf(root, "days"), partOf(document, "tile"), (id) => filter.url(settings.page, id));
const selectButton = partOf(root, "select-button");
const selection = new Selection(partOf(root, "days"), () => library.items, {
  onChange: () => {
    chosen?.refresh();
    selectButton.setAttribute("aria-pressed", String(selection.isSelecting));
  },
  onOpen: open,
  onDelete: () => chosen.delete(),
});
const chosen = new Chosen(partOf(document, "chosen"), selection, library, message, partOf(document, "confirm"), refusal);
const feed = new StateFeed(settings.events, takeState, () => leaveIfLoggedOut(`${settings.api}/media/summary`, settings.login));
const more = partOf(root, "more");
let making = null;
let player = null;

function takeState(state) {
  library.follow(state.media);
  showDisk(partOf(root, "disk"), partOf(root, "sum"), state.media);
}

function show() {
  const { items, next } = library;
  grid.show(items);
  setHidden(more, next === null);
  setHidden(partOf(root, "empty"), items.length > 0);
  setHidden(selectButton, items.length === 0);
  if (!items.length) showEmpty();
  selection.refresh();
  player?.refresh();
}

function showEmpty() {
  const isNarrowed = filter.isNarrowed;
  const link = partOf(root, "empty-link");
  setText(partOf(root, "empty-title"), isNarrowed ? "Nothing matches" : "Nothing here yet");
  setText(partOf(root, "empty-text"), isNarrowed ? "Change the filter, or show everything." : "Photos, videos and timelapses appear here as soon as they are shot.");
  setText(link, isNarrowed ? "Show everything" : "To the live picture");
  link.href = isNarrowed ? settings.page : settings.live;
}

async function changeFilter() {
  history.replaceState(null, "", filter.url(settings.page));
  partOf(root, "newest")?.parentElement.remove();
  root.setAttribute("aria-busy", "true");
  await library.want(filter.wanted).catch((error) => message.say(error.message));
  root.removeAttribute("aria-busy");
}

async function older() {
  more.setAttribute("aria-busy", "true");
  await library.older().catch((error) => message.say(error.message));
  more.removeAttribute("aria-busy");
  watchEnd();
}

const end = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && older(), { rootMargin: EARLY_PX });

/** Tell again whether the end of the list is near: after one more page it may still be. */
function watchEnd() {
  end.unobserve(more);
  end.observe(more);
}

async function open(id, isNew = true) {
  making ??= makePlayer();
  player = await making;
  if (!player) making = null; // it did not come: the next click asks again
  await player?.open(id, isNew).catch((error) => message.say(error.message));
}

async function makePlayer() {
  const module = await lazily(import("./media-open.js"), message);
  return module?.makePlayer(settings.panels, library, refusal, {
    addressOf: (id) => filter.url(settings.page, id),
    onShown: (item) => grid.tile(item.id)?.scrollIntoView({ block: "nearest" }),
  });
}

/** The address names an item, or none any more. */
function followAddress() {
  const id = Number(new URLSearchParams(location.search).get("item"));
  if (id) open(id, false);
  else if (player?.isOpen) player.hide();
}

function begin() {
  library.begin(grid.written, settings.start, settings.next, settings.revision);
  const { since, before } = filter.wanted;
  const isOtherZone = [[since, settings.since], [before, settings.before]].some(([ours, theirs]) => Date.parse(ours) !== Date.parse(theirs) && (ours || theirs));
  if (isOtherZone) library.want(filter.wanted, settings.start).catch((error) => message.say(error.message));
  if (settings.opened) followAddress();
}

begin();
window.addEventListener("popstate", followAddress);
partOf(root, "older").addEventListener("click", (event) => {
  event.preventDefault();
  older();
});
watchEnd();
selectButton.addEventListener("click", () => (selection.isSelecting = !selection.isSelecting));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && selection.isSelecting && !document.querySelector("dialog[open]")) selection.none();
});
closeMenuOutside(partOf(document, "menu"));
closeMenuOutside(partOf(root, "disk"));
closeMenuOutside(partOf(root, "when"));
followVisibility((isSeen) => (isSeen ? feed.open() : feed.close()));
