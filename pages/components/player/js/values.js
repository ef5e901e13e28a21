// The value under the pointer: one pixel in every quantity of the step, and marked in every picture of its sample.

const ENDS = { grey: 128, minus: [38, 102, 190], plus: [226, 96, 32] }; // core.media.difference_pixels

class Values {
  constructor(player) {
    this.player = player;
    this.box = player.part("values");
    this.marks = [];
    const { signal } = player.stopper;
    const over = (event) => {
      const canvas = event.target.closest?.("canvas[data-row]");
      if (canvas && event.pointerType !== "touch") this.at(canvas, event);
      else this.hide();
    };
    for (const [host, types] of [[player.part("stage"), ["pointermove", "pointerleave"]], [player.part("lightbox"), ["pointermove", "pointerleave"]]]) {
      for (const type of types) host.addEventListener(type, over, { signal });
    }
  }

  // The pixel of `canvas` that an event is on.
  at(canvas, event) {
    const box = canvas.getBoundingClientRect(), inside = (share, count) => clamp(Math.floor(share * count), 0, count - 1);
    this.canvas = canvas;
    this.column = inside((event.clientX - box.left) / box.width, canvas.width);
    this.row = inside((event.clientY - box.top) / box.height, canvas.height);
    this.pointer = { x: event.clientX, y: event.clientY };
    this.draw(this.frame);
  }

  draw(frame) {
    this.frame = frame;
    const { film } = this.player;
    if (!this.canvas?.isConnected || !film) return this.hide();
    const { row: name, sample: text } = this.canvas.dataset, sample = Number(text);
    const shown = film.rows.find((row) => row.name === name);
    if (!shown || sample >= film.batch) return this.hide();
    const lines = [];
    for (const row of film.rows) {
      if (row.width !== shown.width || row.height !== shown.height) continue;
      const values = valuesAt(film, row, frame, sample, this.row, this.column);
      if (!values) continue;
      const line = document.createElement("tr"), label = document.createElement("th");
      label.append(texToMath(row.label));
      markQuantity(line, row.label);
      line.append(label, ...values.map((value) => Object.assign(document.createElement("td"), { textContent: value })));
      if (row === shown) line.className = "own";
      lines.push(line);
    }
    if (!lines.length) return this.hide();
    const table = document.createElement("table"), head = document.createElement("p");
    head.textContent = `row ${this.row}, column ${this.column}`;
    table.append(...lines);
    this.box.replaceChildren(head, table);
    this.place();
    this.mark(shown, sample);
  }

  // Beside the pointer, where there is room. In the enlarged picture's dialog nothing outside of it is seen.
  place() {
    const { dialog } = this.player.lightbox, host = this.canvas.closest("dialog") ?? this.player.root;
    if (this.box.parentElement !== host) host.append(this.box);
    this.box.hidden = false;
    const { width, height } = this.box.getBoundingClientRect(), room = 16;
    const left = this.pointer.x + room + width < innerWidth ? this.pointer.x + room : this.pointer.x - room - width;
    const top = Math.min(this.pointer.y + room, innerHeight - height - 4);
    const outer = dialog.open ? { left: 0, top: 0 } : this.player.root.getBoundingClientRect();
    this.box.style.left = `${Math.max(0, left) - outer.left}px`;
    this.box.style.top = `${Math.max(0, top) - outer.top}px`;
  }

  // The same pixel in every picture of the sample.
  mark(shown, sample) {
    this.unmark();
    for (const tile of this.player.stage.tiles) {
      if (tile.sample !== sample || tile.row.width !== shown.width || tile.row.height !== shown.height) continue;
      const mark = document.createElement("i"), scale = parseFloat(tile.canvas.style.width) / shown.width;
      mark.className = "at";
      mark.style.cssText = `left:${this.column * scale}px;top:${this.row * scale}px;width:${scale}px;height:${scale}px`;
      tile.canvas.after(mark);
      this.marks.push(mark);
    }
  }

  unmark() {
    for (const mark of this.marks) mark.remove();
    this.marks = [];
  }

  hide() {
    this.canvas = null;
    this.box.hidden = true;
    this.unmark();
  }
}

/**
 * What a pixel is in a row, as texts of as many digits as the film carries: one for each channel, or one for a signed quantity of
 * one channel. Null if the row has no values, or no number is there.
 * @param {Film} film
 * @param {Row} row
 */
function valuesAt(film, row, frame, sample, y, x) {
  if (row.drawn) return null;
  const index = row.frames === 1 ? 0 : Math.min(frame, row.frames - 1);
  const chunk = row.chunks.find((part) => index < part.first + part.count);
  const from = (((index - chunk.first) * film.batch + sample) * row.height * row.width + y * row.width + x) * row.channels;
  const bytes = [...chunk.pixels.subarray(from, from + row.channels)];
  const none = [255, 0, 255]; // what is no number, core.media.MISSING
  if (bytes.every((byte) => byte === row.blank)) return ["–"];
  if (row.channels === 3 && bytes.every((byte, k) => byte === none[k])) return ["no number"];
  if (row.limit && film.clock === "flow") return [valueText(signedShare(bytes), -row.limit, row.limit)];
  const [low, high] = row.limit ? [-row.limit, row.limit] : film.clock === "flow" ? [0, 1] : [-1, 1];
  return bytes.map((byte) => valueText(byte / 255, low, high));
}

// Where between blue (0), grey (0.5) and orange (1) a colour lies.
function signedShare(bytes) {
  const along = (end) => {
    const way = end.map((level) => level - ENDS.grey);
    return way.reduce((sum, step, k) => sum + step * (bytes[k] - ENDS.grey), 0) / way.reduce((sum, step) => sum + step * step, 0);
  };
  const plus = along(ENDS.plus), minus = along(ENDS.minus);
  return 0.5 + 0.5 * clamp(plus > minus ? plus : -minus, -1, 1);
}

// A value whose share of [low, high] is known to one of 256 levels; at the ends it may lie beyond them.
function valueText(share, low, high) {
  const decimals = Math.max(0, Math.floor(-Math.log10((high - low) / 255)));
  const value = (low + share * (high - low)).toFixed(decimals).replace("-", "−").replace(/^−(0\.?0*)$/, "$1");
  return share <= 0 ? `≤ ${value}` : share >= 1 ? `≥ ${value}` : value;
}
