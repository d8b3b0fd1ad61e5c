/** Talking to the server: sentences out of error answers, and the feed of state changes. */

const FEED_RETRY_FIRST_MS = 1000;
const FEED_RETRY_LAST_MS = 10000;

const ANSWER_WITHIN_MS = 4000;

/**
 * Ask for a change; returns the answer's JSON, or throws an Error whose message is fit for the person.
 * @param {boolean} keepalive also when this page is closed in the same moment
 * @param {number} withinMs how long the answer may take
 */
export async function send(method, url, body, keepalive = false, withinMs = ANSWER_WITHIN_MS) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const signal = AbortSignal.timeout(withinMs);
  const request = { method, headers, body: body && JSON.stringify(body), keepalive, signal };
  const silence = () => {
    throw new Error("the turret does not answer");
  };
  const answer = await fetch(url, request).catch(silence);
  if (!answer.ok) throw new Error(await explain(answer));
  return answer.json().catch(silence); // it broke off in the middle
}

/** The sentence in an error answer: JSON `error.message`, plain text, or one made from the status code. */
export async function explain(answer) {
  const text = (await answer.text().catch(() => "")).trim();
  const type = answer.headers.get("Content-Type") ?? "";
  if (type.includes("json")) return messageIn(text) ?? `The server answered ${answer.status}.`;
  return type.startsWith("text/plain") && text ? text : `The server answered ${answer.status}.`;
}

function messageIn(text) {
  try {
    return JSON.parse(text).error.message;
  } catch {
    return null;
  }
}

/** Go to the login page if that is why the server does not talk to us; called when the feed broke off. */
export async function leaveIfLoggedOut(url, login) {
  const answer = await fetch(url).catch(() => null);
  if (answer?.status === 401) location.assign(`${login}?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** The Retry-After header in seconds, 1..60, or null. The form with a date is not used by our server. */
export function retryAfterS(answer) {
  const seconds = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
  return Number.isNaN(seconds) ? null : Math.min(60, Math.max(1, seconds));
}

/** The state of the whole turret, pushed by the server: `onState(state)`, and `onLost()` while cut off. */
export class StateFeed {
  constructor(url, onState, onLost) {
    this._url = url;
    this._onState = onState;
    this._onLost = onLost;
    this._source = null;
    this._timer = 0;
    this._retryMs = FEED_RETRY_FIRST_MS;
  }

  open() {
    this.close();
    this._source = new EventSource(this._url);
    this._source.addEventListener("state", (event) => {
      this._retryMs = FEED_RETRY_FIRST_MS;
      this._onState(JSON.parse(event.data));
    });
    this._source.addEventListener("error", () => this._retry());
  }

  close() {
    clearTimeout(this._timer);
    this._source?.close();
    this._source = null;
  }

  /** Our own back-off: browsers give up for good after an answer that is not 200. */
  _retry() {
    this.close();
    this._onLost();
    this._timer = setTimeout(() => this.open(), this._retryMs);
    this._retryMs = Math.min(FEED_RETRY_LAST_MS, this._retryMs * 2);
  }
}
