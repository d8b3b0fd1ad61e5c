/**
 * Splits a multipart/x-mixed-replace byte stream into its parts, however the bytes are cut up.
 *
 * Pure: no network, no DOM. The bytes of a picture are never looked at one by one when its head
 * carries Content-Length; without it the next boundary is searched natively. A part is handed over
 * as the chunks it arrived in (views, not copies), which is what `new Blob` wants.
 */

const CR = 13;
const LF = 10;
const BOUNDARY_FOLLOWERS = [CR, LF, 45, 32, 9]; // line end, "--" or padding (RFC 2046, 5.1.1)
const HEAD_LIMIT_BYTES = 16 * 1024;
const PART_LIMIT_BYTES = 64 * 1024 * 1024;

/**
 * The boundary named by a Content-Type header, or null when it is no multipart type.
 * Cameras that write the leading dashes into the parameter are understood (RFC 2046, 5.1.1, has none).
 */
export function boundaryOf(contentType) {
  const match = /^multipart\/[^;]+;(?:.*;)?\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType ?? "");
  return match ? (match[1] ?? match[2]).replace(/^--/, "") : null;
}

/**
 * One part: `headers` by lower-case name, `chunks` the body in order, `sizeBytes` their sum.
 * @typedef {{headers: Object<string, string>, chunks: Uint8Array[], sizeBytes: number}} Part
 */

/** Feed it with `push`; it calls `onPart(part)` for every whole part. Throws on nonsense. */
export class MultipartParser {
  /**
   * @param {string} boundary without the leading dashes
   * @param {(part: Part) => void} onPart
   */
  constructor(boundary, onPart) {
    this.isEnded = false;
    this._delimiter = new TextEncoder().encode(`--${boundary}`);
    this._closing = new TextEncoder().encode(`\r\n--${boundary}`);
    this._text = new TextDecoder("latin1");
    this._onPart = onPart;
    this._step = this._readDelimiter;
    this._rest = new Uint8Array(0);
    this._headers = {};
    this._chunks = [];
    this._sizeBytes = 0;
    this._missingBytes = 0;
  }

  /** Take the next bytes of the stream. The array is kept by reference: do not write to it again. */
  push(bytes) {
    let rest = this._rest.length ? joined(this._rest, bytes) : bytes;
    this._rest = new Uint8Array(0);
    while (!this.isEnded) {
      const left = this._step(rest);
      if (left === null) return;
      rest = left;
    }
  }

  // Each step takes bytes and returns those it left for the next step, or null when it wants more.

  _readDelimiter(bytes) {
    const at = boundaryAt(bytes, this._delimiter);
    const lineEnd = at < 0 ? -1 : bytes.indexOf(LF, at + this._delimiter.length);
    if (at >= 0 && startsWith(bytes, "--", at + this._delimiter.length)) {
      this.isEnded = true;
      return null;
    }
    if (lineEnd < 0) return this._keep(at < 0 ? bytes.subarray(-this._delimiter.length) : bytes.subarray(at));
    this._step = this._readHead;
    return bytes.subarray(lineEnd + 1);
  }

  _readHead(bytes) {
    const end = headEnd(bytes);
    if (end < 0) return this._keep(bytes);
    this._headers = parseHead(this._text.decode(bytes.subarray(0, end)));
    this._chunks = [];
    this._sizeBytes = 0;
    const length = this._headers["content-length"];
    this._missingBytes = length === undefined ? 0 : checkedLength(length);
    this._step = length === undefined ? this._readToBoundary : this._readCounted;
    return bytes.subarray(end);
  }

  _readCounted(bytes) {
    this._take(bytes.subarray(0, this._missingBytes));
    if (bytes.length < this._missingBytes) {
      this._missingBytes -= bytes.length;
      return null;
    }
    const rest = bytes.subarray(this._missingBytes);
    this._finish();
    return rest;
  }

  _readToBoundary(bytes) {
    const at = boundaryAt(bytes, this._closing);
    if (at >= 0) {
      this._take(bytes.subarray(0, at));
      this._finish();
      return bytes.subarray(at + 2);
    }
    const sure = Math.max(0, bytes.length - this._closing.length);
    this._take(bytes.subarray(0, sure));
    return this._keep(bytes.subarray(sure));
  }

  _take(bytes) {
    if (!bytes.length) return;
    this._chunks.push(bytes);
    this._sizeBytes += bytes.length;
    if (this._sizeBytes > PART_LIMIT_BYTES) throw new RangeError("a part of the stream is larger than 64 MB");
  }

  _finish() {
    const part = { headers: this._headers, chunks: this._chunks, sizeBytes: this._sizeBytes };
    this._chunks = [];
    this._step = this._readDelimiter;
    this._onPart(part);
  }

  /** Remember the start of something unfinished; a copy, so that a large chunk is not held for it. */
  _keep(bytes) {
    if (bytes.length > HEAD_LIMIT_BYTES) throw new RangeError("the head of a part is larger than 16 kB");
    this._rest = bytes.slice();
    return null;
  }
}

function parseHead(text) {
  const headers = {};
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0) headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  return headers;
}

function checkedLength(text) {
  const length = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(length <= PART_LIMIT_BYTES)) throw new RangeError(`Content-Length ${text} is outside 0..${PART_LIMIT_BYTES}`);
  return length;
}

/** Where the body starts: behind the first empty line; -1 while that has not come. */
function headEnd(bytes) {
  let at = -1;
  for (;;) {
    const next = bytes.indexOf(LF, at + 1);
    if (next < 0) return -1;
    const isEmpty = next === at + 1 || (next === at + 2 && bytes[next - 1] === CR);
    if (isEmpty) return next + 1;
    at = next;
  }
}

/** Where `wanted` stands, followed by what may follow a boundary and by at least one byte; else -1. */
function boundaryAt(bytes, wanted) {
  const last = bytes.length - wanted.length - 1;
  for (let at = bytes.indexOf(wanted[0]); at >= 0 && at <= last; at = bytes.indexOf(wanted[0], at + 1)) {
    let matched = 1;
    while (matched < wanted.length && bytes[at + matched] === wanted[matched]) matched += 1;
    if (matched === wanted.length && BOUNDARY_FOLLOWERS.includes(bytes[at + matched])) return at;
  }
  return -1;
}

function startsWith(bytes, text, at) {
  return [...text].every((letter, index) => bytes[at + index] === letter.charCodeAt(0));
}

function joined(first, second) {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
