/** The live page: wires picture, strip, information, tools and panels together. */

import { Aim } from "./aim.js";
import { StateFeed } from "./api.js";
import { Controls } from "./controls.js";
import { followVisibility, lazily, partOf, styled } from "./dom.js";
import { Drive } from "./drive.js";
import { Light } from "./light.js";
import { Media } from "./media.js";
import { closeMenuOutside } from "./menu.js";
import { Message } from "./message.js";
import { openPicture } from "./picture.js";
import { Presets } from "./presets.js";
import { Strip } from "./strip.js";
import { Tools } from "./tools.js";
import { Trigger } from "./trigger.js";
import { Turret } from "./turret.js";

const REFRESH_MS = 200;

const root = partOf(document, "player");
const strip = new Strip(partOf(document, "strip"));
const title = document.title;

const logIn = () => location.assign(`${root.dataset.login}?next=${encodeURIComponent(location.pathname + location.search)}`);

const player = await openPicture(root, show, logIn);
const first = JSON.parse(root.dataset.status);
const panels = partOf(document, "panels");
const message = new Message(partOf(document, "toast"));
const turret = new Turret(panels.dataset.turret, first.user, message, refreshPanels);
const drive = new Drive(turret);
const aim = new Aim(panels, turret, drive);
const controls = new Controls(turret);
const presets = new Presets(panels, turret);
const trigger = new Trigger(panels, turret);
const light = new Light(panels, panels.dataset.light, turret);
const media = new Media(partOf(document, "media"), root, turret);
const feed = new StateFeed(root.dataset.events, takeState, forgetState);
let pip = null;
const tools = new Tools(partOf(document, "stage"), { openBox, openHelp, openPip });

/** What lies over the picture. */
function openBox(name) {
  const box = partOf(document, name === "info" ? "info" : "qualities");
  if (name === "info") {
    const { url } = partOf(panels, "camera-box").dataset;
    return addLate(name, () => withStyle("over", import("./info.js")), ({ Info }) => new Info(box, player, url));
  }
  return addLate(name, () => withStyle("over", import("./quality-menu.js")), ({ QualityMenu }) => new QualityMenu(box, player));
}

async function openHelp() {
  const module = await lazily(withStyle("over", import("./help.js")), message);
  return module && (partOf(document, "help") ?? module.makeHelp());
}

async function openPip() {
  const module = pip ? null : await lazily(import("./pip.js"), message);
  if (module) pip = new module.Pip(player.canvas, showPip);
  return pip;
}

function showPip(isOpen) {
  tools.showPip(isOpen);
  rest();
}

function show(view, sender) {
  strip.showView(view);
  document.title = view.tone === "bad" ? `No picture · ${title}` : title;
  if (sender.phase === "login") logIn();
}

function takeState(state) {
  strip.showState(state);
  player.cameraState = state.camera;
  light.take(state.light);
  media.take(state);
  late.get("camera")?.take(state.camera);
  tellChange(state.camera);
  turret.take(state.turret);
}

let cameraRevision = null;

/** Nobody's picture changes without a word: what somebody else set is said, also where the panel was never opened. */
async function tellChange(camera) {
  const isNew = cameraRevision !== null && camera.revision !== cameraRevision;
  cameraRevision = camera.revision;
  if (!isNew || !camera.changed.length || [null, first.user.username].includes(camera.changed_by)) return;
  const words = await lazily(import("./camera-words.js"), message);
  if (words) message.done(words.changeText(camera, (name) => late.get("camera")?.labelOf(name)));
}

function forgetState() {
  strip.forgetState();
  media.take(null);
  turret.take(null);
}

/** What is seldom wanted and therefore loaded late; each has a `refresh`. */
const late = new Map();

/** A module that looks like something. */
async function withStyle(name, loading) {
  const [module] = await Promise.all([loading, styled(name)]);
  return module;
}

/** The panel of that name, or null while it comes and when it cannot. */
async function addLate(name, loading, build) {
  if (late.has(name)) return late.get(name);
  late.set(name, null);
  const module = await lazily(loading(), message);
  if (!module) {
    late.delete(name);
    return null;
  }
  late.set(name, build(module));
  refreshPanels();
  return late.get(name);
}

function refreshPanels() {
  strip.showTurret(turret);
  for (const panel of [aim, controls, presets, trigger, light, media, ...late.values()]) panel?.refresh();
  strip.showRecording(media.recordingS);
  if (turret.state?.calibrated) addLate("point", () => withStyle("more", import("./point.js")), ({ Point }) => new Point(root, turret));
}

let isSeen = true;

/** Nobody looks: close both connections, unless the small window is open. */
function rest() {
  const isWanted = isSeen || pip?.isOpen === true;
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
unfold(partOf(panels, "more-button"), partOf(panels, "more"), fillMore);
unfold(partOf(panels, "camera-open"), partOf(panels, "camera-box"), fillCamera);
window.addEventListener("gamepadconnected", async () => {
  const module = await lazily(import("./gamepad.js"), message);
  if (!module) return;
  module.followGamepad(drive, (axis) => aim.isAllowed(axis));
  message.done("Gamepad: the left stick aims, button B is STOP.");
}, { once: true });
setInterval(() => document.hidden || refreshPanels(), REFRESH_MS);
closeMenuOutside(partOf(document, "menu"));
followVisibility((isNowSeen) => {
  isSeen = isNowSeen;
  rest();
});

/** A part of the page behind a button, filled when it is opened the first time. */
function unfold(button, box, fill) {
  button.disabled = false;
  button.addEventListener("click", () => {
    box.hidden = !box.hidden;
    button.setAttribute("aria-expanded", String(!box.hidden));
    fill(box);
  });
}

function fillMore(box) {
  addLate("more", () => withStyle("more", import("./more.js")), ({ More }) => new More(box, root, turret, presets));
}

function fillCamera(box) {
  const { url } = box.dataset;
  addLate("camera", () => import("./camera.js"), ({ Camera }) => new Camera(box, url, turret, root));
}
