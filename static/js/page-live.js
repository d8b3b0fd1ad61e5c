/** The live page: wires picture, strip, information and tools together. */

import { StateFeed } from "./api.js";
import { partOf } from "./dom.js";
import { Info } from "./info.js";
import { closeMenuOutside } from "./menu.js";
import { followVisibility, openPicture } from "./picture.js";
import { Pip } from "./pip.js";
import { Strip } from "./strip.js";
import { Tools } from "./tools.js";

const root = partOf(document, "player");
const strip = new Strip(partOf(document, "strip"));
const info = new Info(partOf(document, "info"));
const title = document.title;

const logIn = () => location.assign(`${root.dataset.login}?next=${encodeURIComponent(location.pathname + location.search)}`);

const player = openPicture(root, show, logIn);
const feed = new StateFeed(root.dataset.events, takeState, () => strip.forgetState());
const pip = new Pip(player.canvas, (isOpen) => {
  tools.showPip(isOpen);
  rest();
});
const tools = new Tools(partOf(document, "stage"), partOf(document, "help"), info, pip);

function show(view, sender) {
  strip.showView(view);
  info.refresh(sender);
  document.title = view.tone === "bad" ? `No picture · ${title}` : title;
  if (sender.phase === "login") logIn();
}

function takeState(state) {
  strip.showState(state);
  player.cameraState = state.camera;
}

let isSeen = true;

/** Nobody looks: close both connections, unless the small window is open. */
function rest() {
  const isWanted = isSeen || pip.isOpen;
  if (isWanted === (player.phase !== "paused")) return;
  if (isWanted) {
    player.start();
    feed.open();
  } else {
    player.stop();
    feed.close();
  }
}

player.cameraState = JSON.parse(root.dataset.status).camera;
closeMenuOutside(partOf(document, "menu"));
followVisibility((isNowSeen) => {
  isSeen = isNowSeen;
  rest();
});
