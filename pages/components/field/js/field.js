// The vector field: one clock over flows that are computed here, in the browser. Python sends points, noise and weights,
// and hears of a setting only when the hand has come to rest.

const CAPTION = { one: 62, two: 108 }; // below a plane, in CSS pixels: two are narrow, so their words have more lines
const GAP = 16, SIDE = { one: 330, two: 284 }; // between two planes, and for what can be set beside them
const PLAY_SECONDS = 6; // from t = 0 to t = 1 at speed 1
const SPEEDS = [0.25, 0.5, 1, 2];
const COMMIT_AFTER = 300; // milliseconds of rest before the settings are sent
const FRAME = 1000 / 60;
const views = new WeakMap();

class VectorField {
  constructor(parent) {
    this.parent = parent;
    this.root = parent.querySelector(".field");
    this.part = (name) => this.root.querySelector(`.${name}`);
    this.stopper = new AbortController();
    this.reference = new Slot();
    this.fines = new Map();
    this.frames = []; // milliseconds of work in the last frames
    this.speed = 1;
    this.busy = false; // a slider is held
    this.aiming = this.crosshair = null; // the plane on which a place is chosen by keys, and the place
    this.root.vectorField = this; // for tests, and for whoever opens the console
    this.listen();
    this.resized = new ResizeObserver(() => this.scene && this.layout());
    this.resized.observe(this.root);
    onPixelRatio(() => this.scene && this.layout(), this.stopper.signal);
  }

  // Called at the first mount and again whenever Streamlit has new data or a new theme.
  update({ data, setStateValue }) {
    const [envelope, scene] = decodeScene(data);
    const first = !this.scene;
    this.send = whileHere((values, epoch) => setStateValue("view", { epoch, values }));
    if (first) this.panels = [...this.root.querySelectorAll(".panel")].map((figure) => new Panel(figure, scene.extent));
    if (scene.id !== this.scene?.id) this.exactField = Object.assign(new ExactField(scene.points), { version: scene.id });
    this.scene = scene;
    if (envelope.epoch !== this.epoch) {
      this.pause();
      this.epoch = envelope.epoch;
      this.view = parseView(envelope.view);
      this.part("more").open = !isSplit(this.view); // not under a hand that has just shown the other layer
      this.sent = JSON.stringify(formatView(this.view));
    }
    this.readTheme();
    this.layout();
    if (!first || !scene.autoplay) return;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) this.view.t = 1; // where playing would have come to rest
    else this.play({ byHand: false });
  }

  readTheme() {
    const style = getComputedStyle(this.root);
    const all = style.getPropertyValue("--st-chart-categorical-colors").split(",").map((colour) => colour.trim()).filter(Boolean);
    const pick = (k, otherwise) => all[k] ?? otherwise;
    const ink = style.color, paper = style.getPropertyValue("--st-background-color").trim() || "#fff";
    this.colours = {
      ink, paper, exact: pick(0, "#0072b2"), data: pick(1, "#c04e00"), network: pick(2, "#007a5a"), straight: pick(3, "#a8437f"),
      gap: pick(3, "#a8437f"), arrow: `color-mix(in srgb, ${ink} 62%, transparent)`,
      faintArrow: `color-mix(in srgb, ${ink} 40%, transparent)`,
    };
    this.colours.densityRgb = toRgb(pick(0, "#0072b2"), this.root);
    this.theme = JSON.stringify(this.colours);
  }

  // ---- what is to be computed ----

  // The fields by name, as the settings want them, each with a version that changes with the weights.
  fields() {
    const { scene, view } = this;
    const exact = this.exactField;
    const { network } = scene;
    if (!network?.snapshots.length) return { exact };
    const k = Math.min(view.after, network.snapshots.length - 1), version = `${network.id}:${network.steps[k]}`;
    if (this.network?.version !== version) {
      this.network = Object.assign(new Network(network.snapshots[k], network.hidden), { version });
    }
    return { exact, network: this.network };
  }

  configure() {
    const { scene, view } = this, fields = this.fields();
    const main = view.field === "network" ? "network" : "exact";
    this.hasField = Boolean(fields[main] && (view.field !== "difference" || fields.network));
    this.shownField = !this.hasField ? null
      : view.field !== "difference" ? fields[main]
      : Object.assign(new Difference(fields.network, fields.exact), { version: `${fields.network.version}-${fields.exact.version}` });
    this.active = planes(this.panels, view);
    Object.assign(this.root.dataset, { network: fields.network?.version ?? "", wrong: scene.wrong ?? "" }); // for tests
    const state = { scene, view, fields: this.hasField ? fields : { exact: fields.exact }, wrong: scene.wrong };
    this.active.forEach((panel, k) => panel.configure(state, (k && view.beside) || view.steps));
    const right = this.hasField && fields[main];
    const starts = scene.noise.subarray(0, 2 * Math.min(view.particles, REFERENCE_PARTICLES));
    if (!right || view.field === "difference" || scene.wrong === "half_noise") this.reference.drop();
    else this.reference.want(`${scene.id}|${starts.length}`, right.version, () => new Flow(right, starts, { solver: "rk4", steps: REFERENCE_STEPS }));
    const fines = new Map();
    for (const [from, x, y] of right ? view.drops : []) {
      const key = `${from}:${x}:${y}`, known = this.fines.get(key);
      fines.set(key, known?.field === right ? known : new Flow(right, [x, y], { solver: "rk4", steps: REFERENCE_STEPS, from }));
    }
    this.fines = fines;
    this.wake();
  }

  // Carries particles on until the deadline, those that are furthest behind first. True when all has been computed.
  work(deadline) {
    const pending = () => {
      const flows = this.active.flatMap((panel) => panel.flows);
      if (flows.length) return flows.reduce((a, b) => (b.frontier < a.frontier ? b : a));
      return [...this.fines.values()].find((flow) => !flow.done) ?? this.reference.unfinished;
    };
    for (let flow = pending(); flow; flow = pending()) {
      flow.work(Math.min(deadline, performance.now() + 1));
      for (const panel of this.active) panel.adopt(this.view.t);
      this.reference.adopt(this.view.t);
      if (performance.now() >= deadline) return !pending();
    }
    return true;
  }

  // ---- the clock ----

  wake() { this.waiting ||= requestAnimationFrame((now) => this.frame(now)); }

  frame(now) {
    this.waiting = 0;
    if (!this.root.isConnected || !this.active) return;
    const start = performance.now();
    if (this.playing) this.advance(now);
    const budget = clamp(FRAME - 3 - this.drawing, 3, 9);
    const computed = this.work(start + budget);
    const drawn = this.draw();
    this.frames.push(performance.now() - start);
    if (this.frames.length > 240) this.frames.shift();
    if (this.playing || !computed || !drawn) this.wake();
  }

  drawing = 4; // milliseconds that drawing takes, averaged
  pace = FRAME; // milliseconds from one frame to the next while playing, averaged

  draw() {
    const start = performance.now(), { view } = this;
    const state = {
      scene: this.scene, view, colours: this.colours, theme: this.theme, fines: this.fines, exact: this.exactField,
      shownField: this.shownField, hasField: this.hasField, reference: this.reference.current,
    };
    const pause = this.playing && this.pace > 1.3 * FRAME ? 3 * this.pace : 0;
    let drawn = true;
    for (const panel of this.active) {
      drawn = panel.drawUnder(start, pause, state) && drawn;
      panel.drawOver({ ...state, crosshair: panel.plane === this.aiming ? this.crosshair : null });
      panel.describe(state);
    }
    this.controls.show(view);
    this.describeDrop();
    this.drawing += 0.1 * (performance.now() - start - this.drawing);
    return drawn;
  }

  advance(now) {
    const { view } = this, interval = Math.min(100, Math.max(0, now - this.playing.before)), passed = interval / 1000;
    this.playing.before = now;
    this.pace += 0.1 * (interval - this.pace);
    const frontier = Math.min(...this.active.map((panel) => panel.frontier));
    view.t = Math.max(view.t, Math.min(1, frontier, view.t + (passed / PLAY_SECONDS) * this.speed));
    if (view.t >= 1) this.pause();
  }

  play({ byHand = true } = {}) {
    if (this.view.t >= 1) this.view.t = 0;
    this.playing = { before: performance.now(), byHand };
    this.controls.playing(true);
    this.wake();
  }

  pause() {
    if (!this.playing) return;
    const { byHand } = this.playing;
    this.playing = null;
    this.controls.playing(false);
    if (byHand) this.settle();
    this.wake();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  seek(t) {
    this.pause();
    this.view.t = clamp(t, 0, 1);
    this.settle();
    this.wake();
  }

  // To the next or the last time at which the solver stands.
  step(sense) {
    const { steps } = this.view, at = this.view.t * steps;
    this.seek((sense > 0 ? Math.floor(at + 1e-3) + 1 : Math.ceil(at - 1e-3) - 1) / steps);
  }

  // A control has changed a setting.
  set(changes) {
    Object.assign(this.view, changes);
    if ("drops" in changes) this.configure();
    else this.layout();
    this.settle();
  }

  // After a rest, the settings go to Python, which puts them into the URL.
  settle() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      if (this.busy || this.playing) return this.settle();
      const values = formatView(this.view), text = JSON.stringify(values);
      if (text === this.sent) return;
      this.sent = text;
      this.send(values, this.epoch);
    }, COMMIT_AFTER);
  }

  // ---- dropped particles ----

  dropAt(x, y) {
    const { view } = this, limit = this.scene.extent;
    const drop = [rounded(view.t, 3), rounded(clamp(x, -limit, limit), 3), rounded(clamp(y, -limit, limit), 3)];
    this.pause();
    this.set({ drops: [...view.drops, drop].slice(-MOST_DROPS) });
  }

  moveDrop(x, y) {
    const drops = this.view.drops.slice(0, -1);
    this.view.drops = drops;
    this.dropAt(x, y);
  }

  // Makes the dropped particle at a place the chosen one. False if there is none.
  choose(panel, left, top) {
    const k = panel.drops.findLastIndex(({ flow }) => {
      const [x, y] = flow.at(Math.max(this.view.t, flow.times[0]));
      return Math.hypot(panel.over.x(x) - left, panel.over.y(y) - top) < 11;
    });
    if (k < 0) return false;
    const drops = [...this.view.drops];
    drops.push(...drops.splice(k, 1));
    this.set({ drops });
    return true;
  }

  describeDrop() {
    const host = this.part("drop"), drop = this.active[0].drops.at(-1), { t } = this.view;
    this.part("clear").hidden = !this.view.drops.length;
    host.hidden = !drop && (this.view.field !== "exact" || isSplit(this.view)); // there others need the room more
    if (!drop) return put(host, "Click on the plane to drop a particle; drag it about.");
    if (t < drop.at[0]) return put(host, `This particle was dropped at t = ${signed(drop.at[0])}, which is still to come.`);
    const [x, y] = drop.flow.at(t), u = new Float64Array(2);
    this.shownFieldAt(x, y, t, u);
    const weights = this.exactField.weights(x, y, t), [meanX, meanY] = meanUnder(this.scene.points, weights);
    const lines = [
      ["x", `(${signed(x)}, ${signed(y)})`],
      ["velocity", t < 1 || this.view.field === "network" ? `(${signed(u[0])}, ${signed(u[1])})` : "infinite off the data"],
      ["E[x₁ | x], the cross", `(${signed(meanX)}, ${signed(meanY)})`],
      ["drawn to", `${drawnTo(weights)} of ${weights.length} points`],
      ["largest weight", `${(100 * Math.max(...weights)).toFixed(1)} %`],
    ];
    if (host.firstElementChild?.tagName !== "DL") host.replaceChildren(document.createElement("dl"));
    list(host.firstElementChild, lines);
  }

  shownFieldAt(x, y, t, u) {
    const fields = this.fields();
    (this.view.field === "network" && fields.network ? fields.network : fields.exact).velocity([x, y], t, u, 0, 1);
  }

  // ---- the page ----

  layout() {
    const { scene, view } = this, width = this.root.clientWidth;
    if (!width) return;
    const split = isSplit(view), two = Boolean(view.beside) || split;
    if (!split) this.part("more").open = true;
    const below = split && !this.part("more").open && !view.drops.length, wide = width >= 760 && !below; // little is to be said
    this.root.classList.toggle("split", split);
    this.root.classList.toggle("two", two && !wide);
    this.root.classList.toggle("wide", wide);
    this.root.classList.toggle("pair", two && wide);
    const beside = split || (two && width >= 560), room = (wide ? width - SIDE[two ? "two" : "one"] : width) - (beside ? GAP : 0);
    const tall = heightFor(this.root, this.part("panels"), wide ? this.part("deck") : this.root) - CAPTION[two && !below ? "two" : "one"];
    const side = Math.floor(Math.min(beside ? room / 2 : room, tall));
    this.root.style.setProperty("--planes", `${beside ? 2 * side + GAP : side}px`); // what the clock says must not make the track longer
    for (const panel of this.panels) panel.resize(side);
    this.configure();
    this.controls.layout(scene, view, this.colours);
    this.training();
  }

  training() {
    const { network, loss } = this.scene, host = this.part("training"), snapshots = network?.snapshots.length ?? 0;
    host.hidden = !loss || (this.view.field === "exact" && !loss.live); // of one that has ended, where its network is not shown
    if (host.hidden) return;
    const k = Math.min(this.view.after, snapshots - 1);
    drawLoss(this.part("loss"), loss, snapshots ? network.steps[k] : null, Math.max(220, host.clientWidth));
    put(this.part("progress"), loss.live ? `Training: step ${loss.done} of ${loss.total}` : `Trained for ${loss.done} of ${loss.total} steps`);
    const error = snapshots ? network.errors[k] : null;
    list(this.part("sum"), [
      ["loss of the exact field", loss.floor.toFixed(3)],
      ["+ distance² of the network from it", error === null ? "–" : error.toFixed(3)],
      ["= its loss, by equation 2", error === null ? "–" : (loss.floor + error).toFixed(3)],
      ["loss over the last steps", loss.recent === null ? "–" : loss.recent.toFixed(3)],
    ]);
  }

  listen() {
    const { signal } = this.stopper;
    this.controls = new Controls(this, signal);
  }

  // Into the collection: window/js/keeping.js.
  keep() {
    const detail = { canvas: this.picture(), about: { ...this.scene.about, t: [this.view.t] }, steps: [`t = ${this.view.t.toFixed(2)}`], title: "the vector field" };
    document.dispatchEvent(new CustomEvent("keep-picture", { detail }));
  }

  savePicture() {
    const exact = readsBackExactly();
    this.part("problem").hidden = exact;
    this.part("problem").textContent = exact ? "" : READBACK_CHANGED;
    if (!exact) return;
    savePng(this.picture(), { ...this.scene.about, t: [this.view.t] }, `vector-field-t${this.view.t.toFixed(2)}`);
  }

  picture() {
    const { width, height } = this.active[0].under.canvas;
    const canvas = Object.assign(document.createElement("canvas"), { width: width * this.active.length, height });
    const context = canvas.getContext("2d");
    context.fillStyle = this.colours.paper;
    context.fillRect(0, 0, canvas.width, canvas.height);
    this.active.forEach((panel, k) => {
      for (const pen of [panel.under, panel.over]) context.drawImage(pen.canvas, k * width, 0);
    });
    return canvas;
  }

  destroy() {
    this.stopper.abort();
    this.resized.disconnect();
    cancelAnimationFrame(this.waiting);
    clearTimeout(this.resting);
  }
}

// Fills a list of terms and values; what has not changed is left alone.
function list(host, lines) {
  while (host.children.length > 2 * lines.length) host.lastChild.remove();
  lines.forEach((line, k) => line.forEach((text, part) => {
    const at = 2 * k + part;
    if (!host.children[at]) host.append(document.createElement(part ? "dd" : "dt"));
    put(host.children[at], text);
  }));
}

const drawnTo = (weights) => {
  const count = effectiveCount(weights);
  return count < 10 ? count.toFixed(1) : count.toFixed(0);
};

// A colour of sRGB, however it is written in CSS, as [red, green, blue]. `host` is an element of the page.
function toRgb(colour, host) {
  const probe = Object.assign(document.createElement("i"), { hidden: true });
  probe.style.color = colour;
  host.append(probe);
  const [red, green, blue] = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number); // rgb(r, g, b)
  probe.remove();
  return [red, green, blue];
}

export default function (component) {
  const parent = component.parentElement, root = parent.querySelector(".field");
  let field = views.get(parent);
  if (!field || field.root !== root) {
    field?.destroy();
    field = new VectorField(parent);
    views.set(parent, field);
  }
  try {
    field.update(component);
  } catch (error) {
    field.part("problem").hidden = false;
    field.part("problem").textContent = `The field could not be drawn: ${error.message}`;
    throw error;
  }
  return () => {
    field.destroy();
    views.delete(parent);
  };
}
