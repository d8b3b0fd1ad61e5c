/** A press that does one thing when it is short and another when it is held. */

export class Press {
  /** @param {number} holdMs from when on it counts as held; the style sheet fills `.is-held` in that time */
  constructor(holdMs) {
    this.wasHeld = false;
    this._holdMs = holdMs;
    this._timer = 0;
    this._element = null;
  }

  /** @param {HTMLElement} element what shows it @param {() => void} onHeld */
  begin(element, onHeld) {
    this.end();
    this.wasHeld = false;
    this._element = element;
    element.classList.add("is-held");
    this._timer = setTimeout(() => {
      this.wasHeld = true;
      this.end();
      onHeld();
    }, this._holdMs);
  }

  /** Let go; true when something was pressed, and not for long. */
  end() {
    clearTimeout(this._timer);
    this._element?.classList.remove("is-held");
    const wasPressed = this._element !== null;
    this._element = null;
    return wasPressed && !this.wasHeld;
  }
}
