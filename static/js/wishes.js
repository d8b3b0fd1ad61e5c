/** Changes on their way to the server: gathered, one request at a time, ten a second; the newest wish for a thing counts. */

const PERIOD_MS = 100;

export class Wishes {
  /**
   * @param {(wish: object) => Promise<boolean>} act sends; false when it was refused, which drops what was wished meanwhile
   * @param {() => void} onChange after every change of `open`
   */
  constructor(act, onChange) {
    this.isSending = false;
    this._act = act;
    this._onChange = onChange;
    this._asked = {};
    this._next = {};
  }

  /** What was asked for and is not answered yet: it counts more than what the server said before. */
  get open() {
    return { ...this._asked, ...this._next };
  }

  async add(wish) {
    Object.assign(this._next, wish);
    this._onChange();
    if (this.isSending) return;
    this.isSending = true;
    while (Object.keys(this._next).length) {
      [this._asked, this._next] = [this._next, {}];
      const pause = new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
      if (!(await this._act(this._asked))) this._next = {};
      this._asked = {};
      this._onChange();
      await pause;
    }
    this.isSending = false;
    this._onChange();
  }
}
