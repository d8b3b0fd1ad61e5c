/** The live page: wires picture, strip, information, tools and panels together. */

import { Aim } from "./aim.js";
import { StateFeed } from "./api.js";
import { followVisibility, partOf } from "./dom.js";
import { Drive } from "./drive.js";
import { followGamepad } from "./gamepad.js";
import { Info } from "./info.js";
import { Light } from "./light.js";
import { Media } from "./media.js";
import { closeMenuOutside } from "./menu.js";
import { Message } from "./message.js";
import { openPicture } from "./picture.js";
import { Pip } from "./pip.js";
import { Strip } from "./strip.js";
import { Tools } from "./tools.js";
import { Trigger } from "./trigger.js";
import { Turret } from "./turret.js";

const REFRESH_MS = 200;

const root = partOf(document, "player");
const strip = new Strip(partOf(document, "strip"));
const info = new Info(partOf(document, "info"));
const title = document.title;

const logIn = () => location.assign(`${root.dataset.login}?next=${encodeURIComponent(location.pathname + location.search)}`);

const player = openPicture(root, show, logIn);
const first = JSON.parse(root.dataset.status);
const panels = partOf(document, "panels");
const turret = new Turret(panels.dataset.turret, first.user, new Message(partOf(document, "toast")), refreshPanels);
const drive = new Drive(turret);
const aim = new Aim(panels, turret, drive);
const trigger = new Trigger(panels, turret);
const light = new Light(panels, panels.dataset.light, turret);
const media = new Media(partOf(document, "media"), root, turret);
const feed = new StateFeed(root.dataset.events, takeState, forgetState);
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
  light.take(state.light);
  media.take(state);
  turret.take(state.turret);
}

function forgetState() {
  strip.forgetState();
  media.take(null);
  turret.take(null);
}

function refreshPanels() {
  strip.showTurret(turret);
  aim.refresh();
  trigger.refresh();
  light.refresh();
  media.refresh();
  strip.showRecording(media.recordingS);
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

takeState(first);
followGamepad(drive, (axis) => aim.isAllowed(axis));
setInterval(() => document.hidden || refreshPanels(), REFRESH_MS);
closeMenuOutside(partOf(document, "menu"));
followVisibility((isNowSeen) => {
  isSeen = isNowSeen;
  rest();
});
