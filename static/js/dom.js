/** Small helpers to write into the page; nothing is touched that has not changed. */

/** The element marked data-part="name" inside `root`, or null. */
export function partOf(root, name) {
  return root.querySelector(`[data-part="${name}"]`);
}

export function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

export function setHidden(element, isHidden) {
  if (element && element.hidden !== isHidden) element.hidden = isHidden;
}

export function setData(element, name, value) {
  if (element && element.dataset[name] !== value) element.dataset[name] = value;
}

/**
 * A new element. Attributes of value true stand without one, false and null are left out; `onclick` and alike listen.
 * @param {(Node | string)[]} children
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** A module that is seldom needed, or null, which the person is told: the program may have been updated meanwhile. */
export async function lazily(loading, message) {
  try {
    return await loading;
  } catch {
    message.say("This part of the page could not be loaded. Reload the page.");
    return null;
  }
}

/** Call `onChange(isSeen)` now and whenever the page is shown or hidden, also by the back button's cache. */
export function followVisibility(onChange) {
  const tell = () => onChange(!document.hidden);
  document.addEventListener("visibilitychange", tell);
  window.addEventListener("pageshow", tell);
  window.addEventListener("pagehide", () => onChange(false));
  tell();
}

/** Load a style sheet once. @param {string} name as in css/<name>.css */
export function styled(name) {
  const { href } = new URL(`../css/${name}.css`, import.meta.url);
  if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    document.head.append(make("link", { rel: "stylesheet", href, onload: resolve, onerror: reject }));
  });
}

/**
 * Make these the children, in this order. What stays is not touched, so that a press or a word in the making outlives
 * it; of those that change places the one with the focus stands still, for it would lose it.
 * @param {HTMLElement[]} wanted
 */
export function arrange(parent, wanted) {
  for (const child of [...parent.children]) if (!wanted.includes(child)) child.remove();
  if (wanted.every((child, index) => parent.children[index] === child)) return;
  const at = wanted.findIndex((child) => child.contains(document.activeElement));
  if (at < 0) return void parent.replaceChildren(...wanted);
  wanted[at].before(...wanted.slice(0, at));
  wanted[at].after(...wanted.slice(at + 1));
}
