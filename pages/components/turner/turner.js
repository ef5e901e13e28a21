// One picture or several, turned together. State lives here and survives new data of the same view.

const CAPTION = 32; // below a picture, in CSS pixels
const OTHER = { share: 1, words: 44 }; // the other reading: of a picture's side, and the line above it
const GAP = 12; // between pictures
const TURNERS = new WeakMap();

class Turner {
  constructor(root) {
    this.root = root;
    this.turned = false;
    this.button = root.querySelector(".turn");
    this.stop = new AbortController();
    const signal = this.stop.signal;
    this.resized = new ResizeObserver(() => this.fit());
    this.resized.observe(root);
    addEventListener("resize", () => this.fit(), { signal });
    this.button.addEventListener("click", () => this.turn(), { signal });
    root.querySelector(".keep").addEventListener("click", () => this.keep(), { signal });
    root.addEventListener("picture-asked", (event) => this.offer(event), { signal });
    document.addEventListener("keydown", (event) => this.key(event), { signal });
    root.addEventListener("transitionend", (event) => {
      if (event.target.matches(".moving, .piece")) this.rest(event.target.closest(".frame"));
    }, { signal });
  }

  key(event) {
    if (event.key.toLowerCase() !== "t" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const target = event.composedPath()[0];
    if (target.closest?.("input:not([type=range]), textarea, select, [contenteditable=true]")) return;
    event.preventDefault();
    this.turn();
  }

  show(data) {
    const same = JSON.stringify(data) === this.shown;
    this.shown = JSON.stringify(data);
    if (same) return;
    if (this.data?.view !== data.view || String(this.data?.readings) !== String(data.readings)) this.turned = false;
    this.data = data;
    this.root.style.setProperty("--grid", data.grid);
    const tiles = data.upright.map((url, k) => this.tile(url, data.turned[k], data.labels[k] ?? ""));
    this.root.querySelector(".tiles").replaceChildren(...tiles);
    this.root.querySelector(".others").replaceChildren(...data.upright.map(() => {
      const other = document.createElement("div");
      other.append(image("", ""));
      other.addEventListener("click", () => this.turn());
      return other;
    }));
    this.draw();
    for (const frame of this.root.querySelectorAll(".frame")) this.rest(frame);
    this.fit();
  }

  // All pictures in one line, as large as the figure's height allows; below them, as large, what they are turned, and of
  // one picture beside it.
  fit() {
    if (!this.data) return;
    const turns = this.data.view !== "identity", count = this.data.upright.length;
    const pair = turns && count === 1, alone = !turns || (!pair && figureOf(this.root).narrow);
    const abreast = pair ? 2 : count, across = (this.root.clientWidth - GAP * (abreast - 1)) / abreast;
    this.root.classList.toggle("pair", pair);
    this.root.classList.toggle("alone", !pair); // what stands below the first line takes no room while that is measured
    const height = heightFor(this.root, this.root.querySelector(".tiles")) - CAPTION;
    this.root.classList.toggle("alone", alone);
    const side = Math.min(across, alone || pair ? height : (height - OTHER.words) / (1 + OTHER.share));
    this.root.style.setProperty("--side", `${Math.max(72, Math.floor(side))}px`);
  }

  tile(url, turned, label) {
    const figure = document.createElement("figure");
    figure.className = "tile";
    const frame = document.createElement("div");
    frame.className = `frame ${this.data.view.replaceAll(" ", "-")}`;
    frame.setAttribute("role", "img");
    if (this.data.order.length) frame.append(...this.pieces(url));
    else frame.append(image("moving", url));
    const exact = image("exact", turned);
    frame.append(exact);
    frame.dataset.upright = url;
    frame.dataset.turned = turned;
    frame.addEventListener("click", () => this.turn());
    const caption = document.createElement("figcaption");
    caption.textContent = label;
    figure.append(frame, caption);
    return figure;
  }

  // Square k of the picture, as a window on it; `order[j] = k` says that it lies at place j afterwards.
  pieces(url) {
    const { grid } = this.data;
    return Array.from({ length: grid * grid }, (_, k) => {
      const piece = document.createElement("div");
      piece.className = "piece";
      piece.dataset.square = String(k);
      piece.style.cssText = `width: ${100 / grid}%; height: ${100 / grid}%; background-image: url(${url});
        background-position: ${(100 * (k % grid)) / (grid - 1)}% ${(100 * Math.floor(k / grid)) / (grid - 1)}%`;
      return piece;
    });
  }

  turn() {
    this.turned = !this.turned;
    for (const frame of this.root.querySelectorAll(".frame")) frame.classList.remove("rested");
    this.draw();
    const still = this.data.view === "identity" || matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (still) for (const frame of this.root.querySelectorAll(".frame")) this.rest(frame);
  }

  draw() {
    const { data, turned } = this;
    const { grid, order } = data;
    this.root.classList.toggle("turned", turned);
    this.button.setAttribute("aria-pressed", turned);
    for (const piece of this.root.querySelectorAll(".piece")) {
      const square = Number(piece.dataset.square);
      const place = turned ? order.indexOf(square) : square;
      piece.style.left = `${(100 * (place % grid)) / grid}%`;
      piece.style.top = `${(100 * Math.floor(place / grid)) / grid}%`;
    }
    this.say(this.root.querySelector(".reading"), turned);
    this.say(this.root.querySelector(".other"), !turned);
    this.root.querySelectorAll(".others img").forEach((other, k) => { other.src = (turned ? data.upright : data.turned)[k]; });
    for (const frame of this.root.querySelectorAll(".frame")) {
      frame.setAttribute("aria-label", `${this.side(turned)}: ${data.readings[turned ? 1 : 0]}`);
    }
  }

  side(turned) { return turned ? this.data.called : "upright"; }

  say(reading, turned) {
    const side = document.createElement("span");
    side.className = "side";
    side.textContent = this.side(turned);
    reading.replaceChildren(side, `“${this.data.readings[turned ? 1 : 0] || "(empty prompt)"}”`);
  }

  // All pictures beside each other into the collection, and one under the pointer: as they are turned (window/js/keeping.js).
  async keep() {
    const pictures = await Promise.all([...this.root.querySelectorAll(".frame")].map((frame) => this.exact(frame)));
    const canvas = inLine(pictures);
    document.dispatchEvent(new CustomEvent("keep-picture", { detail: { canvas, about: this.data.about, title: this.title() } }));
  }

  offer({ target, detail }) {
    const frame = target.closest(".frame");
    if (frame) detail.offer = async () => ({ canvas: inLine([await this.exact(frame)]), about: this.data.about, title: this.title() });
  }

  async exact(frame) {
    const picture = new Image();
    picture.src = this.turned ? frame.dataset.turned : frame.dataset.upright;
    await picture.decode();
    return picture;
  }

  title() {
    return `${this.side(this.turned)}: “${this.data.readings[this.turned ? 1 : 0] || "(empty prompt)"}”`;
  }

  // At rest the exact picture of this side lies on top.
  rest(frame) {
    frame.querySelector(".exact").src = this.turned ? frame.dataset.turned : frame.dataset.upright;
    frame.classList.add("rested");
  }
}

const KEPT_SIDE = 256; // pixels

function inLine(pictures) {
  const scale = Math.ceil(KEPT_SIDE / pictures[0].naturalHeight), side = pictures[0].naturalHeight * scale;
  const canvas = Object.assign(document.createElement("canvas"), { width: pictures.length * (side + GAP) - GAP, height: side });
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  pictures.forEach((picture, k) => context.drawImage(picture, k * (side + GAP), 0, side, side));
  return canvas;
}

function image(name, url) {
  const element = document.createElement("img");
  element.className = name;
  element.src = url;
  element.alt = "";
  return element;
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".turner");
  if (!TURNERS.has(root)) TURNERS.set(root, new Turner(root));
  TURNERS.get(root).show(data);
  return () => TURNERS.get(root)?.stop.abort();
}
