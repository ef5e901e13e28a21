// A picture seen from d metres. Its angle shrinks as 1/d; the eye's blur, a fixed angle, grows in pixels as d.

const NEAR = 0.5, FAR = 24; // metres
const GAP = 12, WIDEST = 400; // CSS pixels: between the pictures, and of one: a wider one would ask for a longer room
const WALL = 0.16, LEAST_WALL = 64; // share of the width, and CSS pixels: the frame in which the picture has its size from afar
const CSS_PIXEL = 0.0254 / 96; // metres, as CSS defines it
const ARCMINUTE = Math.PI / 180 / 60; // radians
const WALK = 6000; // milliseconds from near to far
const KEPT_SIDE = 256, KEPT_GAP = 12; // pixels of what is kept
const VIEWERS = new WeakMap();

const toLinear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const toSrgb = (c) => (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055);
const LINEAR = Float32Array.from({ length: 256 }, (_, k) => toLinear(k / 255));

// A separable Gaussian on linear light (side, side, 3), with the border repeated; sigma in pixels.
function blur(light, side, sigma) {
  if (sigma < 0.05) return light;
  const reach = Math.ceil(3 * sigma);
  const taps = Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-((k - reach) ** 2) / (2 * sigma ** 2)));
  const sum = taps.reduce((a, b) => a + b);
  const pass = (from, along, across) => {
    const to = new Float32Array(from.length);
    for (let i = 0; i < side; i++) for (let j = 0; j < side; j++) for (let c = 0; c < 3; c++) {
      let value = 0;
      for (let k = -reach; k <= reach; k++) {
        const at = Math.min(side - 1, Math.max(0, j + k));
        value += taps[k + reach] * from[i * across + at * along + c];
      }
      to[i * across + j * along + c] = value / sum;
    }
    return to;
  };
  return pass(pass(light, 3, 3 * side), 3 * side, 3);
}

class Viewer {
  constructor(root) {
    this.root = root;
    this.range = root.querySelector(".range");
    this.walkButton = root.querySelector(".walk");
    this.stop = new AbortController();
    const signal = this.stop.signal;
    this.range.addEventListener("input", () => { this.moved = true; this.halt(); this.draw(); }, { signal });
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(root);
    onPixelRatio(() => this.draw(), signal);
    root.querySelector(".keep").addEventListener("click", () => this.keep([root.querySelector(".magnified canvas")]), { signal });
    root.addEventListener("picture-asked", ({ target, detail }) => {
      if (target.matches("canvas")) detail.offer = () => this.picture([target]);
    }, { signal });
    this.walkButton.addEventListener("click", () => (this.frame ? this.halt() : this.walk()), { signal });
  }

  show(data) {
    const text = JSON.stringify(data);
    if (text === this.shown) return;
    this.shown = text;
    this.data = data;
    this.chosen = 0;
    const problem = this.root.querySelector(".problem");
    try {
      this.pictures = data.pictures.map((letters) => load(letters, data.side));
      problem.hidden = true;
    } catch (error) {
      problem.textContent = `The browser could not read the pictures (${error.message}). Reload the page.`;
      problem.hidden = false;
      return;
    }
    this.halt();
    const many = this.pictures.length > 1;
    this.root.querySelector(".samples").replaceChildren(...(many ? this.pictures.map((picture, k) => this.sample(picture, k)) : []));
    this.moved = false;
    this.draw();
  }

  // The distance at which the eye blurs by the `sigma` that the page asked for: there the reading from afar is told.
  opening() {
    const metres = (this.data.sigma * this.pixel()) / (this.data.eye * ARCMINUTE);
    return Math.max(0, Math.min(1000, Math.round((1000 * Math.log(metres / NEAR)) / Math.log(FAR / NEAR))));
  }

  // A picture's pixel on the screen, in metres.
  pixel() { return (this.side * CSS_PIXEL) / this.pictures[0].side; }

  // One of the small pictures below: it takes its place among the large ones.
  sample(picture, k) {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const canvas = document.createElement("canvas");
    canvas.setAttribute("aria-hidden", "true");
    paint(canvas, picture.light, picture.side);
    button.append(canvas, this.data.labels[k] || String(k + 1));
    button.addEventListener("click", () => { this.chosen = k; this.draw(); }, { signal: this.stop.signal });
    return button;
  }

  // The side of the two pictures, and of the small frame beside them: all three are to be seen at once.
  measure() {
    const three = this.root.querySelector(".three");
    const words = Math.max(...[...three.querySelectorAll("figcaption")].map((one) => one.offsetHeight)) + 4;
    this.wall = Math.max(LEAST_WALL, Math.floor(WALL * this.root.clientWidth));
    const across = (this.root.clientWidth - this.wall - 2 * GAP) / 2;
    this.side = Math.max(72, Math.floor(Math.min(across, WIDEST, heightFor(this.root, three) - words)));
    this.root.style.setProperty("--wall", `${this.wall}px`);
    this.root.style.setProperty("--side", `${this.side}px`);
  }

  metres() { return NEAR * (FAR / NEAR) ** (this.range.value / 1000); }

  draw() {
    if (!this.pictures) return;
    this.measure();
    if (!this.moved) this.range.value = this.opening(); // it depends on how large the pictures are
    const d = this.metres();
    const wide = this.side * CSS_PIXEL; // of the picture itself, in metres
    const picture = this.pictures[this.chosen];
    const blurred = (metres) => (this.data.eye * ARCMINUTE * metres) / this.pixel(); // sigma, pixels
    const angle = (2 * Math.atan(wide / 2 / d) * 180) / Math.PI;
    const [near, magnified, sized] = this.root.querySelectorAll(".three canvas");
    paint(near, blur(picture.light, picture.side, blurred(NEAR)), picture.side);
    paint(magnified, blur(picture.light, picture.side, blurred(d)), picture.side);
    const seen = Math.max(1, (this.side * NEAR) / d), fits = seen <= this.wall - 2;
    shrink(sized, picture, seen);
    sized.hidden = !fits;
    this.root.querySelector(".beyond").hidden = fits;
    const words = `${angle.toFixed(1)}° wide; the eye blurs it by σ = ${blurred(d).toFixed(2)} of its pixels`;
    const metres = `${d < 10 ? d.toFixed(1) : d.toFixed(0)} m`;
    const where = this.root.querySelector(".where");
    where.replaceChildren(Object.assign(document.createElement("b"), { textContent: metres }),
      Object.assign(document.createElement("span"), { className: "words", textContent: words }));
    this.root.querySelector(".metres").textContent = metres;
    this.range.setAttribute("aria-valuetext", `${metres.replace(" m", " metres")}, ${words}`);
    const [far, close] = this.data.readings;
    const said = this.root.querySelectorAll(".said");
    said[0].textContent = close;
    said[1].textContent = far;
    for (const canvas of [near, magnified, sized]) {
      const from = canvas === near ? `${NEAR} metres` : metres.replace(" m", " metres");
      canvas.setAttribute("aria-label", `from ${from}; asked for “${close}” from near, “${far}” from afar`);
    }
    this.root.querySelectorAll(".samples button").forEach((button, k) => button.setAttribute("aria-pressed", String(k === this.chosen)));
  }

  walk() {
    this.moved = true;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.range.value = Number(this.range.value) < this.opening() ? this.opening() : 0;
      return this.draw();
    }
    const end = this.opening(); // it rests where the reading from afar is told
    if (Number(this.range.value) >= end) this.range.value = 0;
    const from = Number(this.range.value);
    const begun = performance.now();
    this.walkButton.textContent = "Stop";
    const step = (now) => {
      this.range.value = Math.min(end, from + ((now - begun) / WALK) * 1000);
      this.draw();
      if (Number(this.range.value) < end) this.frame = requestAnimationFrame(step);
      else this.halt();
    };
    this.frame = requestAnimationFrame(step);
  }

  // Pictures beside each other, as they are shown: for the collection (window/js/keeping.js).
  picture(canvases) {
    const side = KEPT_SIDE, canvas = Object.assign(document.createElement("canvas"), { width: canvases.length * (side + KEPT_GAP) - KEPT_GAP, height: side });
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    canvases.forEach((shown, k) => context.drawImage(shown, k * (side + KEPT_GAP), 0, side, side));
    return { canvas, about: this.data.about, title: `seen from ${this.metres().toFixed(1)} m` };
  }

  keep(canvases) {
    if (this.pictures) document.dispatchEvent(new CustomEvent("keep-picture", { detail: this.picture(canvases) }));
  }

  halt() {
    cancelAnimationFrame(this.frame);
    this.frame = undefined;
    this.walkButton.textContent = "Walk away";
  }

  close() {
    this.halt();
    this.resized.disconnect();
    this.stop.abort();
  }
}

// The server's own bytes, (side, side, 3) in base64: read back from a canvas they might be others (readback.js).
function load(letters, side) {
  const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
  if (bytes.length !== 3 * side * side) throw new Error("they are cut short");
  const light = Float32Array.from(bytes, (value) => LINEAR[value]);
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const context = canvas.getContext("2d"), image = context.createImageData(side, side);
  for (let i = 0; i < side * side; i++) image.data.set([bytes[3 * i], bytes[3 * i + 1], bytes[3 * i + 2], 255], 4 * i);
  context.putImageData(image, 0, 0);
  return { side, light, canvas };
}

// The sharp picture, as small as it would be: the eye in front of the screen blurs it by itself.
function shrink(canvas, picture, size) {
  const ratio = window.devicePixelRatio || 1;
  const pixels = Math.max(1, Math.round(size * ratio));
  canvas.width = canvas.height = pixels;
  canvas.style.width = canvas.style.height = `${pixels / ratio}px`;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = pixels < picture.side;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture.canvas, 0, 0, pixels, pixels);
}

function paint(canvas, light, side) {
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = Math.round(255 * toSrgb(Math.min(1, Math.max(0, light[3 * i + c]))));
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".distance");
  if (!VIEWERS.has(root)) VIEWERS.set(root, new Viewer(root));
  VIEWERS.get(root).show(data);
  return () => VIEWERS.get(root)?.close();
}
