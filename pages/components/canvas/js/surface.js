// The part that is drawn on: shows the raster, an outline of the mask and the brush, and turns pointers into strokes.

const PAINT = [230, 0, 126]; // what covers the masked part, and how much of it
const VEIL = 0.8;
const LOOSE = 0.35; // pressure of a pen that does not report any
const PALM = 800; // milliseconds after a pen was seen in which a touch counts as the hand that holds it

class Surface {
  // `actions`: {begin(erase), extend(at, pressure), end(), cancel(), hover(at)}, points in pixels of the result.
  constructor(element, actions, signal) {
    this.element = element;
    this.actions = actions;
    this.paper = element.querySelector(".paper");
    this.outline = element.querySelector(".outline");
    this.ring = element.querySelector(".ring");
    this.penSeen = -Infinity;
    this.listen(signal);
  }

  show(raster, under) {
    this.raster = raster;
    this.under = under;
    this.paper.width = raster.width;
    this.paper.height = raster.height;
    this.image = new ImageData(raster.width, raster.height);
    this.changed();
  }

  // CSS size: whole device pixels for each pixel of the result, unless that would waste more than a fifth of the room.
  fit(room) {
    const { width, height } = this.raster.sheet;
    const ratio = window.devicePixelRatio || 1;
    const exact = (room * ratio) / Math.max(width, height);
    const whole = Math.floor(exact);
    const scale = (whole >= 0.8 * exact ? whole : Math.floor(room * ratio) / Math.max(width, height)) / ratio;
    this.scale = scale; // CSS pixels of one pixel of the result
    this.element.style.width = `${width * scale}px`;
    this.element.style.height = `${height * scale}px`;
    this.outline.width = Math.round(width * scale * ratio);
    this.outline.height = Math.round(height * scale * ratio);
    this.changed();
  }

  // Marks a part as changed; it is drawn at the next screen refresh. Without a part: everything.
  changed(part) {
    const all = { left: 0, top: 0, right: this.raster.width - 1, bottom: this.raster.height - 1 };
    const a = this.stale, b = part ?? all;
    this.stale = a ? {
      left: Math.min(a.left, b.left), top: Math.min(a.top, b.top),
      right: Math.max(a.right, b.right), bottom: Math.max(a.bottom, b.bottom),
    } : b;
    this.waiting ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.waiting = 0;
    const { left, top, right, bottom } = this.stale;
    this.stale = null;
    if (right < left || bottom < top) return;
    const { raster, under, image } = this;
    const { width, channels, sheet, pixels } = raster;
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const pixel = y * width + x, to = 4 * pixel;
        for (let c = 0; c < 3; c++) {
          if (sheet.mask) {
            const below = under ? under[3 * pixel + c] : sheet.paper;
            image.data[to + c] = pixels[pixel] ? Math.round(below * (1 - VEIL) + PAINT[c] * VEIL) : below;
          } else image.data[to + c] = pixels[pixel * channels + (channels === 3 ? c : 0)];
        }
        image.data[to + 3] = 255;
      }
    }
    this.paper.getContext("2d").putImageData(image, 0, 0, left, top, right - left + 1, bottom - top + 1);
    if (sheet.mask) this.drawOutline();
  }

  // A light line with dark dashes around the painted part: seen on every picture, also without colours.
  drawOutline() {
    const { outline, raster } = this;
    const { width, height, pixels } = raster;
    const context = outline.getContext("2d");
    const sx = outline.width / width, sy = outline.height / height;
    const path = new Path2D();
    const at = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : pixels[y * width + x]);
    for (let y = 0; y <= height; y++) {
      for (let x = 0; x <= width; x++) {
        const here = at(x, y);
        if (here !== at(x, y - 1)) { path.moveTo(x * sx, y * sy); path.lineTo((x + 1) * sx, y * sy); }
        if (here !== at(x - 1, y)) { path.moveTo(x * sx, y * sy); path.lineTo(x * sx, (y + 1) * sy); }
      }
    }
    const ratio = window.devicePixelRatio || 1;
    context.clearRect(0, 0, outline.width, outline.height);
    context.lineWidth = 2 * ratio;
    context.setLineDash([]);
    context.strokeStyle = "#fff";
    context.stroke(path);
    context.setLineDash([4 * ratio, 4 * ratio]);
    context.strokeStyle = "#000";
    context.stroke(path);
  }

  // The brush's outline around a point in pixels of the result; null hides it.
  point(at, size, mode = "") {
    this.ring.hidden = !at;
    if (!at) return;
    const side = Math.max(size * this.scale, 3);
    this.ring.className = `ring ${mode} ${size < 3 && this.raster.sheet.fine === 1 ? "square" : ""}`;
    this.ring.style.width = this.ring.style.height = `${side}px`;
    this.ring.style.transform = `translate(${at.x * this.scale - side / 2}px, ${at.y * this.scale - side / 2}px)`;
  }

  place(event) {
    const box = this.element.getBoundingClientRect();
    const { width, height } = this.raster.sheet;
    return { x: ((event.clientX - box.left) / box.width) * width, y: ((event.clientY - box.top) / box.height) * height };
  }

  listen(signal) {
    const { element } = this;
    const on = (type, action, options) => element.addEventListener(type, action, { signal, ...options });
    const mine = (event) => event.pointerId === this.pointer;
    const pressure = (event) => (event.pointerType === "pen" ? event.pressure || LOOSE : 1);
    on("pointerdown", (event) => {
      const pen = event.pointerType === "pen", touch = event.pointerType === "touch";
      if ((event.button !== 0 && event.button !== 5) || !this.raster) return;
      if (touch && event.timeStamp - this.penSeen < PALM) return; // the hand that holds the pen
      if (this.pointer !== undefined) {
        if (!pen || this.penned) return; // a second finger
        this.actions.cancel(); // the hand had come down before the pen
      }
      this.penned = pen;
      event.preventDefault();
      element.focus({ preventScroll: true });
      this.pointer = event.pointerId;
      element.setPointerCapture(event.pointerId);
      this.actions.begin(event.button === 5); // 5: the other end of a pen
      this.actions.extend(this.place(event), pressure(event));
    });
    on("pointermove", (event) => {
      if (event.pointerType === "pen") this.penSeen = event.timeStamp;
      if (event.pointerType !== "touch") this.actions.hover(this.place(event));
      if (!mine(event)) return;
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const each of passed.length ? passed : [event]) this.actions.extend(this.place(each), pressure(each));
    });
    const finish = (how) => (event) => {
      if (!mine(event)) return;
      this.pointer = undefined;
      this.actions[how]();
    };
    on("pointerup", finish("end"));
    on("pointercancel", finish("cancel"));
    on("lostpointercapture", finish("end"));
    on("pointerleave", () => this.actions.hover(null));
    on("touchmove", (event) => event.preventDefault(), { passive: false }); // some browsers scroll in spite of touch-action
    on("contextmenu", (event) => { if (this.busy) event.preventDefault(); }); // a long press
    on("dragstart", (event) => event.preventDefault());
  }

  get busy() {
    return this.pointer !== undefined;
  }
}
