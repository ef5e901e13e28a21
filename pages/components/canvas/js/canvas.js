// The canvas: tools, keys, and what is sent. It runs in the browser alone; Python hears of a drawing when the student
// presses the button, or, where the page wants it so, when the hand has rested.

const REST = 600; // milliseconds after a stroke
const PATIENCE = 15000; // milliseconds until a drawing that was not acknowledged may be sent again
const canvases = new WeakMap();

class Canvas {
  constructor(parent) {
    this.parent = parent;
    this.root = parent.querySelector(".canvas");
    this.part = (name) => this.root.querySelector(`.${name}`);
    this.stopper = new AbortController();
    this.surface = new Surface(this.part("surface"), {
      begin: (otherEnd) => this.begin(otherEnd || this.erasing),
      extend: (at, pressure) => this.extend(at, pressure),
      end: () => this.end(),
      cancel: () => this.cancel(),
      hover: (at) => this.hover(at),
    }, this.stopper.signal);
    this.erasing = false;
    this.keys = new Keys(this, this.stopper.signal);
    this.listen();
    this.resized = new ResizeObserver(() => this.plan && this.layout());
    this.resized.observe(this.root);
    onPixelRatio(() => this.plan && this.layout(), this.stopper.signal);
  }

  // Called at the first mount and again whenever Streamlit has new data or a new theme.
  update({ data, setTriggerValue }) {
    this.trigger = whileHere(setTriggerValue);
    const { plan, under, start } = readPlan(data);
    const name = `${plan.key}|${plan.identity}`;
    const below = under && hash(under);
    const fresh = name !== this.name || below !== this.below; // a mask can stay while the picture changes
    this.below = below;
    const again = !fresh && plan.turn !== this.plan.turn;
    if (fresh) this.open(name, plan, under);
    this.plan = plan;
    const look = JSON.stringify([plan.label, plan.useLabel, plan.colours, plan.send]);
    if (fresh || look !== this.look) this.build();
    this.look = look;
    this.layDown(start, again);
    this.acknowledge(start, fresh);
    this.layout();
    this.refresh();
  }

  // Another picture: keeps the drawing before it, and brings back what this tab has of the new one.
  open(name, plan, under) {
    this.flush();
    this.name = name;
    this.sending = [];
    clearTimeout(this.resting);
    const sheet = { ...plan, mask: plan.mode === "mask" };
    const raster = new Raster(sheet, under);
    this.sketch = new Sketch(raster);
    const stored = loadDrawing(name);
    this.notes = {};
    this.note("kept", "");
    if (stored !== null) {
      try {
        this.sketch = Sketch.fromText(stored, raster);
      } catch {
        dropDrawing(name);
        raster.pixels.set(raster.base);
        this.note("kept", "The drawing that this browser had kept could not be read, so the canvas starts empty.");
      }
    }
    this.size = plan.brush;
    this.ink = plan.mode === "mask" ? [1] : [255 - plan.paper]; // in colour, buildColours chooses it
    this.keys.start(plan);
    this.surface.show(raster, under);
  }

  // What the page holds replaces the drawing where it is news: not what was sent from here, and not what it held before.
  layDown(start, again) {
    if (!start) return;
    const { sketch } = this;
    const pixels = this.plan.mode === "mask" ? start.map((value) => (value ? 1 : 0)) : start;
    const given = hash(pixels);
    const known = given === sketch.given || given === sketch.used || this.sending.includes(given);
    sketch.given = given;
    if (known && !again) return;
    if (sketch.open) this.end();
    sketch.used = sketch.sent = null;
    if (given !== hash(sketch.raster.result())) {
      sketch.act({ kind: "put", pixels });
      this.surface.changed();
    }
    this.keep();
  }

  // What the server has. After a refresh it has nothing: then it gets what had been used once more.
  acknowledge(start, fresh) {
    const { plan, sketch } = this;
    this.held = plan.held === "start" ? start && sketch.given : plan.held;
    const answered = Math.max(this.sending.indexOf(plan.held), this.sending.indexOf(plan.refused));
    this.sending.splice(0, answered + 1);
    if (answered >= 0 && !this.pending) {
      clearTimeout(this.waiting);
      this.note("server", "");
      if (plan.send === "use" && plan.held === sketch.used) this.say("This is in use.");
    }
    if (this.pending || (plan.refused && plan.refused === sketch.used)) return;
    if (fresh && plan.send === "rest" && sketch.ops.length) setTimeout(() => this.send("restore"), 0);
    else if (sketch.used && sketch.used !== this.held) setTimeout(() => this.post(sketch.used, sketch.sent, "restore"), 0);
  }

  // What was sent last, if the server has not answered yet.
  get pending() {
    return this.sending.at(-1) ?? null;
  }

  send(why) {
    const { sketch, plan } = this;
    const pixels = sketch.raster.result();
    const tag = hash(pixels);
    if (tag === (this.pending ?? this.held)) return;
    sketch.used = tag;
    sketch.sent = toBase64(plan.mode === "mask" ? packBits(pixels) : pixels);
    this.keep();
    this.post(tag, sketch.sent, why);
  }

  post(tag, data, why) {
    if (this.stopper.signal.aborted || tag !== this.sketch.used) return; // overtaken
    const { identity, width, height, channels } = this.plan;
    this.sending.push(tag);
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      this.sending = [];
      this.note("server", "The server has not taken the drawing yet. Try again in a moment.");
      this.refresh();
    }, PATIENCE);
    this.trigger("drawing", { tag, why, identity, width, height, channels, data });
    this.refresh();
  }

  // ---- strokes

  begin(erase) {
    if (this.sketch.open) this.end();
    clearTimeout(this.resting);
    this.sketch.begin({ kind: "stroke", ink: this.ink, erase, size: this.size, points: [] });
  }

  extend(at, pressure) {
    const { sketch, plan } = this;
    if (!sketch.open) return;
    const { x, y } = this.snapped(at);
    const weight = plan.fine > 1 ? Math.round(clamp(pressure, 0, 1) * 255) : 255;
    const changed = sketch.extend(Math.round(x * UNIT), Math.round(y * UNIT), weight);
    if (changed) this.surface.changed(changed);
  }

  // Where the brush paints for a pointer: in its own pixels, around the middle of one or, for an even brush, a corner.
  snapped(at) {
    const far = 2 * Math.max(this.plan.width, this.plan.height);
    const snap = (value) => {
      const bounded = clamp(value, -far, far);
      if (this.plan.fine > 1) return bounded;
      return this.size % 2 ? Math.floor(bounded) + 0.5 : Math.round(bounded);
    };
    return { x: snap(at.x), y: snap(at.y) };
  }

  end() {
    this.sketch.end();
    this.done();
  }

  cancel() {
    if (!this.sketch.open) return;
    this.sketch.cancel();
    this.surface.changed();
    this.lifted();
    this.refresh();
  }

  act(op) {
    if (this.sketch.open) this.end();
    this.sketch.act(op);
    this.surface.changed();
    this.done();
  }

  undo(redo = false) {
    if (this.sketch.open) this.end();
    const did = redo ? this.sketch.redo() : this.sketch.undo();
    this.say(did ? (redo ? "Done again." : "Undone.") : redo ? "Nothing to do again." : "Nothing to undo.");
    if (!did) return;
    this.surface.changed();
    this.done();
  }

  hover(at) {
    this.over = at;
    this.keys.follow(at, this.plan);
    this.showBrush();
  }

  // After every change that has come to an end.
  done() {
    this.lifted();
    this.keep();
    this.refresh();
    if (this.plan.send === "rest") {
      clearTimeout(this.resting);
      this.resting = setTimeout(() => this.send("rest"), REST);
    }
  }

  lifted() {
    this.keys.down = this.keys.held = false;
    this.showBrush();
  }

  keep() {
    this.unsaved = true;
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.flush(), 200);
  }

  flush() {
    clearTimeout(this.saving);
    if (!this.unsaved) return;
    this.unsaved = false;
    const kept = saveDrawing(this.name, this.sketch.toText());
    this.note("kept", kept ? "" : "This browser cannot keep the drawing over a refresh: its storage is full or switched off.");
  }

  // ---- what is shown

  // Once for each picture: the parts that depend on the plan alone.
  build() {
    const { plan } = this;
    const mask = plan.mode === "mask";
    this.root.setAttribute("aria-label", plan.label);
    const surface = this.part("surface");
    surface.setAttribute("aria-label", `${plan.label}, ${plan.width} by ${plan.height} pixels`);
    surface.classList.toggle("grained", plan.fine === 1);
    this.part("unseen").textContent = [
      "Arrow keys move the cursor, with Shift by eight pixels. Space puts the pen down and lifts it.",
      "B draws, E erases, the square brackets change the size of the brush, Control Z undoes.",
      mask ? "I inverts the mask." : "", plan.send === "use" ? `Enter: ${plan.useLabel}.` : "", "Tab leaves the canvas.",
    ].join(" ");
    this.part("brush").querySelector("span").textContent = mask ? "Paint" : "Draw";
    this.part("invert").hidden = !mask;
    this.part("status").hidden = !mask && plan.send === "rest";
    this.part("fill").hidden = plan.mode !== "colour";
    this.part("use").hidden = plan.send !== "use";
    this.part("use").textContent = this.part("use-words").textContent = plan.useLabel;
    for (const element of this.root.querySelectorAll(".for-mask")) element.hidden = !mask;
    for (const element of this.root.querySelectorAll(".for-use")) element.hidden = plan.send !== "use";
    const range = this.part("range");
    range.min = 1;
    range.step = plan.fine > 1 ? 0.5 : 1;
    range.max = Math.max(2, Math.round(Math.max(plan.width, plan.height) / 2));
    this.size = clamp(Math.round(this.size / range.step) * range.step, 1, Number(range.max));
    this.setTool(false);
    this.buildColours();
    this.setSize(this.size);
  }

  buildColours() {
    const host = this.part("colours"), { plan } = this;
    host.hidden = plan.mode !== "colour";
    fillPalette(host, plan, (code) => this.setColour(code));
    if (!host.hidden) this.setColour(plan.colours[0][1]);
  }

  setColour(code) {
    this.ink = parseColour(code);
    this.root.style.setProperty("--now", code);
    this.part("own")?.classList.toggle("chosen", !this.root.querySelector(".colours [type=radio]:checked"));
    this.setTool(false);
  }

  setTool(erasing) {
    if (this.sketch.open) this.end();
    this.erasing = erasing;
    this.part("brush").setAttribute("aria-pressed", String(!erasing));
    this.part("eraser").setAttribute("aria-pressed", String(erasing));
    this.showBrush();
  }

  setSize(size) {
    const range = this.part("range");
    if (this.sketch.open) this.end();
    this.size = clamp(size, Number(range.min), Number(range.max));
    range.value = this.size;
    range.setAttribute("aria-valuetext", `${this.size} pixels`);
    this.part("value").textContent = `${this.size} px`;
    this.showBrush();
  }

  layout() {
    const width = this.root.clientWidth;
    if (!width) return;
    const wide = width >= 620;
    this.root.classList.toggle("wide", wide);
    const room = Math.min((wide ? width - 250 : width) - 2, Math.max(200, 0.68 * window.innerHeight));
    this.surface.fit(Math.min(this.plan.maxSide, room));
    this.showBrush();
  }

  // Buttons and words that depend on what is drawn.
  refresh() {
    const { plan, sketch } = this;
    const pixels = sketch.raster.result();
    const now = hash(pixels);
    this.part("undo").disabled = !sketch.ops.length;
    this.part("redo").disabled = !sketch.undone.length;
    const inUse = now === this.held;
    const use = this.part("use");
    use.disabled = inUse || Boolean(this.pending);
    const words = { sending: "Sending…", inUse: "This is in use.", changed: "Changed since it was used.", none: "" };
    const state = this.pending ? "sending" : plan.send === "rest" ? "none" : inUse ? "inUse" : this.held ? "changed" : "none";
    this.part("state").textContent = words[state];
    let amount = "";
    if (plan.mode === "mask") {
      const painted = pixels.reduce((sum, value) => sum + value, 0), all = plan.width * plan.height;
      const share = (100 * painted) / all;
      amount = `${painted && share < 1 ? "less than 1" : painted < all && share > 99 ? "more than 99" : Math.round(share)} % painted.`;
    }
    this.part("amount").textContent = amount;
    Object.assign(this.root.dataset, { drawing: now, state, acts: sketch.ops.length }); // for tests and style sheets
  }

  showBrush() {
    if (!this.surface.raster || !this.surface.scale) return;
    const { keys } = this, at = keys.used ? keys.cursor : this.over;
    this.root.classList.toggle("by-keys", keys.used);
    const mode = [this.erasing ? "erasing" : "", keys.used ? "cursor" : "", keys.down ? "down" : ""].join(" ");
    this.surface.point(at ? this.snapped(at) : null, this.size, mode);
  }

  note(about, text) {
    this.notes[about] = text;
    const words = Object.values(this.notes).filter(Boolean).join(" ");
    this.part("problem").textContent = words;
    this.part("problem").hidden = !words;
  }

  say(text) {
    this.part("said").textContent = text;
  }

  // ---- hands

  listen() {
    const { signal } = this.stopper;
    const on = (target, type, action) => target.addEventListener(type, action, { signal });
    const click = (name, action) => on(this.part(name), "click", action);
    click("brush", () => this.setTool(false));
    click("eraser", () => this.setTool(true));
    click("undo", () => this.undo());
    click("redo", () => this.undo(true));
    click("clear", () => this.act({ kind: "clear" }));
    click("invert", () => this.act({ kind: "invert" }));
    click("fill", () => this.act({ kind: "fill", ink: this.ink }));
    click("use", () => this.send("use"));
    click("keep", () => document.dispatchEvent(new CustomEvent("keep-picture", { detail: { canvas: this.part("paper"), title: this.plan.label } })));
    on(this.part("range"), "input", () => this.setSize(Number(this.part("range").value)));
    on(window, "pagehide", () => this.flush());
    on(document, "visibilitychange", () => { if (document.hidden) this.flush(); });
    on(window, "resize", () => this.plan && this.layout());
  }

  destroy() {
    if (this.sketch?.open) this.end();
    this.flush();
    this.stopper.abort();
    this.resized.disconnect();
    cancelAnimationFrame(this.surface.waiting);
    for (const timer of [this.resting, this.waiting, this.saving, this.keys.telling]) clearTimeout(timer);
  }
}

export default function (component) {
  const parent = component.parentElement;
  const root = parent.querySelector(".canvas");
  let canvas = canvases.get(parent);
  if (!canvas || canvas.root !== root) {
    canvas?.destroy();
    canvas = new Canvas(parent);
    canvases.set(parent, canvas);
  }
  canvas.update(component);
  return () => {
    canvas.destroy();
    canvases.delete(parent);
  };
}
