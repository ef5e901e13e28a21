// The scrubber: a native range input, ticks, marked steps as a film strip, and what is still to be computed.

const THUMB = 20; // width of the range input's thumb in CSS pixels, as in player.css
const STRIP = { least: 24, usual: 64, most: 112 }; // CSS pixels: a marked step's picture
const FEW = 4; // frames of a film that is a choice rather than a run: each is named below its tick
const BESIDE = 30; // CSS pixels beside the strip for the name of what it shows

class Timeline {
  constructor(host, onSeek) {
    this.host = host;
    this.onSeek = onSeek;
    this.range = host.querySelector(".range");
    this.ticks = host.querySelector(".ticks");
    this.strip = host.querySelector(".strip");
    this.dragging = false;
    this.range.addEventListener("pointerdown", () => { this.dragging = true; });
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
      this.range.addEventListener(type, () => { this.dragging = false; });
    }
    this.range.addEventListener("input", () => {
      const reachable = Math.min(Number(this.range.value), this.film.count - 1);
      this.range.value = reachable;
      this.onSeek(reachable, false);
    });
    this.range.addEventListener("change", () => this.onSeek(Number(this.range.value), true));
  }

  // Returns the horizontal scale that the charts share with the scrubber, and how far from the player's left edge it begins.
  show(film, most = STRIP.usual) {
    this.film = film;
    this.inset(most);
    const width = this.range.clientWidth;
    const last = Math.max(1, film.total - 1);
    const x = (frame) => placeOf(frame / last, width);
    const frame = (at) => clamp(Math.round(((at - THUMB / 2) / (width - THUMB)) * last), 0, film.total - 1);
    const left = Math.round(this.range.getBoundingClientRect().left - this.range.closest(".player").getBoundingClientRect().left);
    this.scale = { width, left, x, frame };
    this.range.max = film.total - 1;
    this.host.style.setProperty("--computed", `${x(film.count - 1)}px`);
    this.host.classList.toggle("growing", film.count < film.total);
    this.drawTicks();
    this.drawStrip(most);
    return this.scale;
  }

  // The scrubber begins and ends so far within its place that the first and the last marked step's pictures stand below their ticks.
  inset(most) {
    const { film } = this, marks = marksOf(film);
    this.host.style.paddingInline = "0";
    this.beside = [0, 0];
    this.strip.hidden = !marks.length;
    if (!this.strip.offsetWidth) return; // there is none, or no room for one
    const width = this.range.clientWidth, last = Math.max(1, film.total - 1);
    const at = marks.map((mark) => placeOf(mark / last, width));
    const half = sizeOf(at, width, film.marks.length ? most : STRIP.most) / 2;
    this.beside = [half - at[0], half - (width - at[at.length - 1])].map((one) => Math.max(0, Math.round(one)));
    this.host.style.paddingInline = this.beside.map((one) => `${one}px`).join(" ");
  }

  drawTicks() {
    const { film, scale } = this;
    const marked = new Set(film.marks);
    const dense = scale.width / film.total < 5;
    const lines = [];
    for (let i = 0; i < film.total; i++) {
      if (dense && !marked.has(i)) continue;
      const tick = document.createElement("i");
      tick.style.left = `${scale.x(i)}px`;
      if (marked.has(i)) tick.className = "marked";
      lines.push(tick);
    }
    this.ticks.replaceChildren(...lines);
  }

  // The strip takes what the figure leaves, in CSS pixels. Returns whether it is another now, and with it the scale.
  grow(room) {
    if (room <= 8 || !this.strip.offsetWidth || !this.film.marks.length) return false;
    this.show(this.film, Math.min(STRIP.usual + room - 4, STRIP.most));
    return true;
  }

  // Thumbnails under the marks; those that would overlap are left out, and their ticks stay. Of a few frames the names alone.
  drawStrip(most = STRIP.usual) {
    const { film, scale } = this;
    const marks = marksOf(film);
    if (!marks.length) return this.strip.replaceChildren();
    const row = film.rows.find((r) => r.name === film.strip) ?? film.rows[0];
    const words = !film.marks.length, size = sizeOf(marks.map(scale.x), scale.width, words ? STRIP.most : most);
    const [w, h] = words ? [0, 0] : fit(size, row);
    let edge = -Infinity;
    const buttons = [];
    for (const mark of marks) {
      const left = clamp(scale.x(mark) - size / 2, -this.beside[0], scale.width - size + this.beside[1]);
      if (left < edge) continue;
      edge = left + size;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "thumb";
      button.dataset.frame = mark;
      button.style.left = `${left}px`;
      button.style.width = `${size}px`;
      const label = film.steps[mark];
      const name = document.createElement("span");
      name.textContent = label === undefined ? "" : words ? label : label.split("=").pop().trim();
      button.disabled = mark >= film.count;
      button.setAttribute("aria-label", `Go to ${label ?? `frame ${mark + 1}, not computed yet`}`);
      button.append(name);
      if (!words) {
        const canvas = document.createElement("canvas");
        canvas.style.width = `${w}px`;
        canvas.style.height = `${h}px`;
        if (mark < film.count) paint(canvas, film, row, mark, film.strip_sample);
        else [canvas.width, canvas.height] = [row.width, row.height];
        button.prepend(canvas);
      }
      button.addEventListener("click", () => this.onSeek(mark, true));
      buttons.push(button);
    }
    const of = document.createElement("span"); // which quantity, and of which picture
    of.className = "of";
    of.append(texToMath(row.label));
    of.title = [row.caption, film.columns[film.strip_sample]].filter(Boolean).join(", ");
    of.style.lineHeight = `${h}px`;
    of.style.marginRight = `${this.beside[0]}px`;
    const focused = this.strip.getRootNode().activeElement?.dataset?.frame;
    this.strip.style.height = `${h + 20 + (words ? 8 : 0)}px`;
    this.strip.classList.toggle("named", words);
    this.strip.replaceChildren(...(words ? [] : [markQuantity(of, row.label)]), ...buttons);
    of.hidden = of.offsetWidth > BESIDE; // a name in words would lie on the buttons
    if (focused !== undefined) this.strip.querySelector(`[data-frame="${focused}"]`)?.focus({ preventScroll: true });
  }

  move(frame) {
    const { film, range } = this;
    range.value = frame;
    range.setAttribute("aria-valuetext", `${film.steps[frame]}, frame ${frame + 1} of ${film.total}`);
    this.host.style.setProperty("--at", `${this.scale.x(frame)}px`);
    for (const thumb of this.strip.children) thumb.classList.toggle("current", Number(thumb.dataset.frame) === frame);
  }
}

// Where the thumb of a range input so wide stands, in CSS pixels from its left edge, at this share of the way.
function placeOf(share, width) {
  return THUMB / 2 + share * (width - THUMB);
}

function marksOf(film) {
  if (!film.marks.length && film.total > 1 && film.total <= FEW) return [...Array(film.total).keys()];
  return [...new Set(film.marks)].sort((a, b) => a - b);
}

// How wide the picture of a marked step can be, so that the nearest two lie beside each other: `at` in CSS pixels, ascending.
function sizeOf(at, width, most) {
  const apart = Math.min(...at.slice(1).map((x, i) => x - at[i]), width);
  return clamp(apart - 4, STRIP.least, most);
}
