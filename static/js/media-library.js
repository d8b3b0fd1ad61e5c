/**
 * What this page knows of the library: the newest items that are wanted, or those from a place on, newest first, in
 * one row without gaps. Older ones are fetched when they are asked for.
 */

import { send } from "./api.js";

const PER_PAGE = 60;
const PER_CHECK = 500; // the most the server gives at once
const PER_CHANGE = 1000; // the most the server changes at once
const CHECK_EVERY_MS = 700;
const BULK_WITHIN_MS = 120000;
const COPY_WITHIN_MS = 60000; // a large photo on a small board, after the copies of others

export class Library {
  /**
   * @param {string} api address of the API
   * @param {object} wanted kind, since, before, text as the API has them
   * @param {() => void} onChange after every change of `items`
   */
  constructor(api, wanted, onChange) {
    this.items = [];
    this.next = null;
    this._api = api;
    this._wanted = wanted;
    this._onChange = onChange;
    this._start = null;
    this._fetching = null;
    this._checking = null;
    this._mustCheck = false;
    this._changes = 0;
    this._revision = null;
  }

  /** Begin with what the page brought. */
  begin(items, start, next, revision) {
    Object.assign(this, { items, next, _start: start, _revision: revision });
    this._onChange();
  }

  /** Other items are wanted: begin anew. */
  async want(wanted, start = null) {
    Object.assign(this, { _wanted: wanted, _start: start });
    const page = await this._page(start, PER_PAGE);
    if (this._wanted !== wanted) return;
    Object.assign(this, page);
    this._onChange();
  }

  /** The item of that number if it is known here, else null. */
  get(id) {
    return this.items.find((item) => item.id === id) ?? null;
  }

  /** The item of that number, from the server if need be; throws why not. */
  async find(id) {
    return this.get(id) ?? (await send("GET", `${this._api}/media/${id}`));
  }

  /** Fetch one more page of older items; answers when they are here. */
  older() {
    this._fetching ??= this._fetchOlder().finally(() => (this._fetching = null));
    return this._fetching;
  }

  async _fetchOlder() {
    const [wanted, cursor] = [this._wanted, this.next];
    if (cursor === null) return;
    const page = await this._page(cursor, PER_PAGE);
    if (wanted !== this._wanted || cursor !== this.next) return;
    this.items = [...this.items, ...page.items];
    this.next = page.next;
    this._changed();
  }

  /** The item before (-1, newer) or after (1, older) this one, fetched if need be; null where there is none. */
  async neighbour(id, step) {
    const place = () => this.items.findIndex((item) => item.id === id);
    if (place() + step >= this.items.length) await this.older();
    const index = place(); // only now: something new may have come meanwhile
    if (index < 0) return null;
    return this.items[index + step] ?? (step < 0 && this._start ? this._newer(id) : null);
  }

  /** The item before the first one here, when these do not begin with the newest; they begin with it from then on. */
  async _newer(id) {
    const wanted = this._wanted;
    const { item, cursor } = await send("GET", `${this._api}/media/${id}/newer?${query(wanted)}`);
    if (wanted !== this._wanted || this.items[0]?.id !== id) return item;
    this._start = cursor; // null: it was the newest after all
    if (item) this.items = [item, ...this.items];
    this._changed();
    return item;
  }

  /** @param {object} media of the state: what is being converted, and a number that says whether anything changed */
  follow(media) {
    const progress = new Map(media.converting.map((entry) => [entry.id, entry.progress]));
    const moved = this.items.filter((item) => progress.has(item.id) && item.progress !== progress.get(item.id));
    for (const item of moved) this._replace({ ...item, progress: progress.get(item.id) });
    if (moved.length) this._onChange();
    if (this._revision !== media.revision) this.check(media.revision);
  }

  /** Look again at everything that is shown; soon, and once for many calls. */
  check(revision = this._revision) {
    this._revision = revision;
    this._mustCheck = true;
    this._checking ??= this._checkSoon().finally(() => (this._checking = null));
    return this._checking;
  }

  async _checkSoon() {
    while (this._mustCheck) {
      this._mustCheck = false;
      await this._checkAll().catch(() => {}); // the next change brings the next look
      await new Promise((resolve) => setTimeout(resolve, CHECK_EVERY_MS));
    }
  }

  async _checkAll() {
    const [wanted, oldest, changes] = [this._wanted, this.items.at(-1), this._changes];
    const found = [];
    let cursor = this._start;
    do {
      const page = await this._page(cursor, Math.max(PER_PAGE, Math.min(PER_CHECK, this.items.length)));
      found.push(...page.items);
      cursor = page.next;
    } while (cursor !== null && oldest && isBefore(oldest, found.at(-1)));
    if (wanted !== this._wanted) return;
    if (changes !== this._changes) {
      this._mustCheck = true; // it was asked for before a change of this page, and need not know of it
      return;
    }
    Object.assign(this, { items: found, next: cursor });
    this._onChange();
  }

  /** This page changed what is known: lists that were asked for before do not count. */
  _changed() {
    this._changes += 1;
    this._onChange();
  }

  /** Take over what an answer said of an item. */
  _take(item) {
    this._replace(item);
    this._changed();
    return item;
  }

  _drop(ids) {
    const gone = new Set(ids);
    this.items = this.items.filter((item) => !gone.has(item.id));
    this._changed();
  }

  _replace(item) {
    this.items = this.items.map((known) => (known.id === item.id ? item : known));
  }

  async patch(id, change) {
    return this._take(await send("PATCH", `${this._api}/media/${id}`, change));
  }

  async retry(id) {
    return this._take(await send("POST", `${this._api}/media/${id}/retry`));
  }

  /** Make a processed copy of a photo. @param {string} filter as the API has it */
  async copy(id, filter) {
    const item = await send("POST", `${this._api}/media/${id}/copies`, { filters: [filter] }, false, COPY_WITHIN_MS);
    this._insert(item);
    return item;
  }

  /** Put a new item where it belongs, which need not be the beginning; the next look brings what is older than all. */
  _insert(item) {
    const index = this.items.findIndex((known) => isBefore(known, item));
    if (this.get(item.id) || index < 0) return;
    this.items = [...this.items.slice(0, index), item, ...this.items.slice(index)];
    this._changed();
  }

  /** Remove items for good; answers those that stayed because they are protected. */
  async remove(ids) {
    const kept = new Set();
    for (const some of inParts(ids)) {
      const answer = await send("POST", `${this._api}/media/delete`, { ids: some }, false, BULK_WITHIN_MS);
      for (const id of answer.kept_protected) kept.add(id);
      this._drop(some.filter((id) => !kept.has(id)));
    }
    return [...kept];
  }

  async protect(ids, isProtected) {
    for (const some of inParts(ids)) {
      await send("POST", `${this._api}/media/protect`, { ids: some, protected: isProtected }, false, BULK_WITHIN_MS);
    }
    const changed = new Set(ids);
    this.items = this.items.map((item) => (changed.has(item.id) ? { ...item, protected: isProtected } : item));
    this._changed();
  }

  /** Where a zip of these items comes from. */
  zipUrl(ids) {
    return `${this._api}/media/zip?ids=${ids.join(",")}`;
  }

  _page(cursor, limit) {
    return send("GET", `${this._api}/media?${query({ ...this._wanted, cursor, limit })}`);
  }
}

/** What is not empty, for an address. */
function query(values) {
  return new URLSearchParams(Object.entries(values).filter(([, value]) => value));
}

/** As many at once as the server takes. */
function* inParts(ids) {
  for (let start = 0; start < ids.length; start += PER_CHANGE) yield ids.slice(start, start + PER_CHANGE);
}

/** Was `one` shot before `other`? As the library sorts them. */
function isBefore(one, other) {
  return one.date === other.date ? one.id < other.id : one.date < other.date;
}
