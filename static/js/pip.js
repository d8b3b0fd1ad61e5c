/** Picture in picture: the canvas as a video in a small window that stays on top of other programs. */

/** While it is open the player must not rest when the page is hidden: `isOpen` and `onChange` say so. */
export class Pip {
  constructor(canvas, onChange) {
    this._canvas = canvas;
    this._onChange = onChange;
    this._video = null;
  }

  get isOpen() {
    return this._video !== null;
  }

  async toggle() {
    if (this.isOpen) await document.exitPictureInPicture();
    else await this._open();
  }

  async _open() {
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.srcObject = this._canvas.captureStream();
    this._video = video;
    video.addEventListener("leavepictureinpicture", () => this._close(), { once: true });
    try {
      await video.play();
      await video.requestPictureInPicture();
      this._onChange(true);
    } catch (error) {
      this._close();
      throw error;
    }
  }

  /** Capturing costs a copy of every picture: it ends with the window. */
  _close() {
    for (const track of this._video?.srcObject?.getTracks() ?? []) track.stop();
    if (this._video) this._video.srcObject = null;
    this._video = null;
    this._onChange(false);
  }
}
