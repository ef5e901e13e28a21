// What has been done on the canvas, in order: strokes and a few single acts. Undo leaves the last out and draws the
// rest again. Old strokes melt into the ground, so that a long drawing stays quick and fits into the storage.

const LIMITS = { acts: 400, points: 20000, work: 2e8 }; // of all acts; work: pixels looked at to draw them again
const STROKE = { points: 4000, work: 5e7 }; // a longer stroke goes on as a new one
const VERSION = 1;
const EVERY = 16; // acts between two copies that undo can start from
const COPIES = 6;

class Sketch {
  constructor(raster) {
    this.raster = raster;
    this.ground = null; // the finer pixels that all forgotten acts have left, or null: the empty canvas
    this.ops = [];
    this.undone = [];
    this.copies = []; // {count, pixels}: the raster after `count` acts
    this.given = null; // hash of what the page last said it holds
    this.used = null; // hash and data of what was last sent
    this.sent = null;
  }

  load(ops) {
    const points = ops.reduce((sum, op) => sum + (op.points?.length ?? 0) / 3, 0);
    return { acts: ops.length, points, work: ops.reduce((sum, op) => sum + this.work(op), 0) };
  }

  work(op) {
    return op.kind === "stroke" ? (op.points.length / 3) * (op.size * this.raster.sheet.fine + 2) ** 2 : 0;
  }

  // A stroke while it is being drawn. It is no act until it ends.
  begin(op) {
    this.open = op;
    this.raster.begin();
  }

  // Adds a point; returns what changed, or null where the point is too close to the last to change anything.
  extend(x, y, pressure) {
    const { points } = this.open, end = points.length;
    const step = UNIT / this.raster.sheet.fine / 2;
    if (end && Math.hypot(points[end - 3] - x, points[end - 2] - y) < step && points[end - 1] >= pressure) return null;
    points.push(x, y, pressure);
    const changed = this.raster.segment(this.open, end / 3);
    if (points.length >= 3 * STROKE.points || this.work(this.open) >= STROKE.work) {
      const next = { ...this.open, points: [x, y, pressure] };
      this.end();
      this.begin(next);
      this.raster.segment(next, 0);
    }
    return changed;
  }

  end() {
    const op = this.open;
    this.open = null;
    if (op?.points.length) this.record(op);
  }

  cancel() {
    this.open = null;
    this.raster.pixels.set(this.raster.before);
  }

  act(op) {
    this.raster.apply(op);
    this.record(op);
  }

  record(op) {
    this.ops.push(op);
    this.undone = [];
    if (exceeds(this.load(this.ops), LIMITS)) this.forget();
    if (this.ops.length % EVERY === 0) {
      this.copies = [...this.copies.slice(1 - COPIES), { count: this.ops.length, pixels: this.raster.pixels.slice() }];
    }
  }

  // The older acts melt into the ground, until half of what is allowed is left.
  forget() {
    const half = { acts: LIMITS.acts / 2, points: LIMITS.points / 2, work: LIMITS.work / 2 };
    let kept = this.ops;
    while (exceeds(this.load(kept), half)) kept = kept.slice(1);
    const now = this.raster.pixels.slice();
    this.replay(this.ops.length - kept.length);
    this.ground = this.raster.pixels.slice();
    this.raster.pixels.set(now);
    this.ops = kept;
    this.copies = [];
  }

  replay(count) {
    this.copies = this.copies.filter((copy) => copy.count <= count);
    const copy = this.copies.at(-1) ?? { count: 0, pixels: this.ground ?? this.raster.base };
    this.raster.pixels.set(copy.pixels);
    for (const op of this.ops.slice(copy.count, count)) this.raster.apply(op);
  }

  undo() {
    if (!this.ops.length) return false;
    this.replay(this.ops.length - 1);
    this.undone.push(this.ops.pop());
    return true;
  }

  redo() {
    const op = this.undone.pop();
    if (!op) return false;
    const { undone } = this;
    this.act(op);
    this.undone = undone;
    return true;
  }

  toText() {
    const write = (op) => {
      const { kind, points, ink, erase, size, pixels } = op;
      if (kind === "fill") return { kind, ink };
      if (kind === "put") return { kind, pixels: toBase64(pixels) };
      return kind === "stroke" ? { kind, ink, erase, size, points } : { kind };
    };
    return JSON.stringify({
      version: VERSION, saved: Date.now(), given: this.given, used: this.used, sent: this.sent,
      ground: this.ground && toBase64(packRuns(this.ground, this.raster.channels)),
      ops: this.ops.map(write), undone: this.undone.map(write),
    });
  }

  // Reads what `toText` wrote; throws on anything else, because a storage can hold what others left there.
  static fromText(text, raster) {
    const stored = JSON.parse(text);
    const fail = (what) => { throw new Error(`stored ${what}`); };
    const whole = (value, low, high) => Number.isInteger(value) && value >= low && value <= high;
    const { channels, sheet } = raster;
    const { width, height } = sheet;
    const ink = (value) => Array.isArray(value) && value.length === channels && value.every((v) => whole(v, 0, 255));
    const readStroke = (op) => {
      const reach = 4 * UNIT * Math.max(width, height);
      const fits = Array.isArray(op.points) && op.points.length && op.points.length % 3 === 0
        && op.points.every((value, i) => (i % 3 === 2 ? whole(value, 0, 255) : whole(value, -reach, reach)));
      if (!fits || !ink(op.ink) || typeof op.erase !== "boolean") fail("stroke");
      if (!(op.size > 0 && op.size <= Math.max(width, height))) fail("size");
    };
    const read = (op) => {
      if (op?.kind === "stroke") {
        readStroke(op);
      } else if (op?.kind === "fill") {
        if (!ink(op.ink)) fail("fill");
      } else if (op?.kind === "put") {
        return { kind: "put", pixels: fromBase64(op.pixels, width * height * channels) };
      } else if (!(op?.kind === "clear" || (op?.kind === "invert" && sheet.mask))) fail("act");
      return op;
    };
    const list = (ops) => (Array.isArray(ops) ? ops.map(read) : fail("list"));
    const name = (value) => (value === null || (typeof value === "string" && /^[0-9a-z]{1,16}$/.test(value)) ? value : fail("name"));
    if (stored?.version !== VERSION) fail("version");
    const sketch = new Sketch(raster);
    sketch.ops = list(stored.ops);
    sketch.undone = list(stored.undone);
    if (exceeds(sketch.load([...sketch.ops, ...sketch.undone]), LIMITS)) fail("length");
    sketch.given = name(stored.given);
    sketch.used = name(stored.used);
    if (stored.ground !== null) {
      sketch.ground = unpackRuns(Uint8Array.from(atob(stored.ground), (c) => c.charCodeAt(0)), raster.pixels.length, channels);
    }
    if (sketch.used !== null) { // what `post` sends
      const values = width * height * channels;
      fromBase64(stored.sent, sheet.mask ? Math.ceil(values / 8) : values);
      sketch.sent = stored.sent;
    }
    if (sheet.mask && [...sketch.ops, ...sketch.undone].some((op) => op.pixels?.some((v) => v > 1))) fail("mask");
    if (sheet.mask && sketch.ground?.some((v) => v > 1)) fail("mask");
    sketch.replay(sketch.ops.length);
    return sketch;
  }
}

const exceeds = (load, limits) => Object.keys(limits).some((name) => load[name] > limits[name]);

// Runs of equal pixels: length 1..255, then the pixel.
function packRuns(values, channels) {
  const out = [];
  for (let i = 0; i < values.length;) {
    let run = 1;
    const same = (j) => { for (let c = 0; c < channels; c++) if (values[i + c] !== values[j + c]) return false; return true; };
    while (run < 255 && i + run * channels < values.length && same(i + run * channels)) run++;
    out.push(run);
    for (let c = 0; c < channels; c++) out.push(values[i + c]);
    i += run * channels;
  }
  return Uint8Array.from(out);
}

function unpackRuns(bytes, length, channels) {
  const values = new Uint8Array(length);
  let to = 0;
  for (let i = 0; i + channels < bytes.length; i += 1 + channels) {
    for (let run = bytes[i]; run > 0 && to < length; run--) {
      for (let c = 0; c < channels; c++) values[to++] = bytes[i + 1 + c];
    }
  }
  if (to !== length) throw new Error("stored ground");
  return values;
}
