/** The accounts page: every form and button tells the server, then the list is fetched anew. */

import { send } from "./api.js";
import { confirmed } from "./confirm.js";
import { partOf } from "./dom.js";
import { closeMenuOutside } from "./menu.js";
import { Message } from "./message.js";

const WITHIN_MS = 10000; // a password takes half a second on a Pi, and waits for others'

class Accounts {
  constructor(root, message, question) {
    Object.assign(this, { _root: root, _message: message, _question: question });
    this._url = `${root.dataset.api}/accounts`;
    root.addEventListener("submit", (event) => this._submit(event));
    root.addEventListener("change", (event) => event.target.closest("[data-id] > select") && this._changeRole(event.target));
    root.addEventListener("click", (event) => event.target.closest("[data-part=remove]") && this._remove(personAt(event.target)));
    partOf(root, "people-sheet")?.removeAttribute("inert");
  }

  async _submit(event) {
    event.preventDefault();
    const form = event.target;
    const given = Object.fromEntries(new FormData(form));
    const isDone = await this._busy(event.submitter, () => this._sendForm(form.dataset.part, given, personAt(form)));
    if (isDone) form.reset();
    if (isDone && form.dataset.part !== "own") await this._reload();
  }

  _sendForm(part, { username, password, role, current }, person) {
    if (part === "add") return this._tell("POST", this._url, { username, password, role }, `${username} may log in now`);
    if (part === "own") return this._tell("POST", `${this._root.dataset.api}/password`, { current, password }, "Your password is changed");
    return this._tell("PATCH", person.url(this._url), { password }, `${person.name} has a new password, and has to log in with it`);
  }

  async _changeRole(select) {
    const person = personAt(select);
    const role = select.value;
    await this._busy(select, () => this._tell("PATCH", person.url(this._url), { role }, `${person.name} is ${role} now`));
    await this._reload();
    partOf(this._root, "people").querySelector(`[data-id="${person.id}"] select`)?.focus();
  }

  async _remove(person) {
    const words = { title: `Remove ${person.name}?`, text: "They cannot log in any more. Photos and videos they made stay.", yes: "Remove" };
    if (!(await confirmed(this._question, words))) return;
    await this._tell("DELETE", person.url(this._url), undefined, `${person.name} is removed`);
    await this._reload();
  }

  /** True when it was done; both ends are told. */
  async _tell(method, url, body, words) {
    try {
      await send(method, url, body, false, WITHIN_MS);
      this._message.done(words);
      return true;
    } catch (error) {
      this._message.say(error.message);
      return false;
    }
  }

  async _busy(control, work) {
    if (control) control.disabled = true;
    try {
      return await work();
    } finally {
      if (control) control.disabled = false;
    }
  }

  /** The list as the server has it now. Who is no admin any more gets the page that is left. */
  async _reload() {
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const people = partOf(page, "people");
    if (people) partOf(this._root, "people").replaceWith(document.adoptNode(people));
    else location.reload();
  }
}

/** Whose row an element stands in. */
function personAt(element) {
  const row = element.closest("[data-id]");
  return row && { id: row.dataset.id, name: row.dataset.name, url: (base) => `${base}/${row.dataset.id}` };
}

new Accounts(partOf(document, "accounts"), new Message(partOf(document, "toast")), partOf(document, "confirm"));
closeMenuOutside(partOf(document, "menu"));
