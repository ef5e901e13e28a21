// One picture of the plane: its flows, its two canvases, its caption.

const REFERENCE_STEPS = 100; // RK4; what a caption calls the true flow
const REFERENCE_PARTICLES = 200;
const PARTS = {
  straight: "The lines of the training: each noise straight to its data point. They may cross.",
  paths: "The paths along their mean: two may cross in place, never at the same time.",
};
const SOLVER_NAMES = { euler: "Euler", heun: "Heun", rk4: "RK4" };

// The flow that is shown, and the one that is being computed to take its place. The old one stays in sight until the
// new one has reached the time on the screen: a training sends new weights faster than particles can be carried. The
// very first is shown as it is computed.
class Slot {
  // `family` names the settings, `version` the weights; `make` builds the flow.
  want(family, version, make) {
    const newest = this.next ?? this.current;
    if (newest?.family === family && newest.version === version) return (this.later = null);
    const build = () => Object.assign(make(), { family, version });
    if (this.next?.family === family) this.later = build; // let it arrive first
    else [this.next, this.later] = [build(), null];
  }

  drop() { this.current = this.next = this.later = null; }

  adopt(t) {
    if (!this.next || (this.current && this.next.frontier < t)) return;
    this.current = this.next;
    this.next = this.later?.() ?? null;
    this.later = null;
  }

  get unfinished() { return this.current && !this.current.done ? this.current : this.next; }
}

class Panel {
  constructor(figure, extent) {
    this.figure = figure;
    this.plane = figure.querySelector(".plane");
    this.caption = figure.querySelector("figcaption");
    this.under = new Pen(figure.querySelector(".under"), extent);
    this.over = new Pen(figure.querySelector(".over"), extent);
    this.slots = { exact: new Slot(), network: new Slot() };
    this.drops = [];
    this.part = ""; // "straight" or "paths", where two planes share what is shown
    this.cost = 0; // milliseconds that the lower canvas took
    this.drawnAt = 0;
  }

  resize(size) {
    this.figure.style.width = this.plane.style.height = `${size}px`;
    if (size === this.under.size && this.ratio === devicePixelRatio) return;
    this.ratio = devicePixelRatio;
    this.under.resize(size);
    this.over.resize(size);
    this.drawn = "";
  }

  // Which flows this picture needs now. `fields` has the exact field and, once trained, the network.
  configure({ scene, view, fields, wrong }, steps) {
    this.steps = steps;
    const needed = { exact: ["exact"], network: ["network"], difference: ["exact", "network"] }[view.field];
    const scale = wrong === "half_noise" ? 0.5 : 1;
    const starts = scene.noise.subarray(0, 2 * view.particles).map((value) => scale * value);
    this.starts = starts;
    for (const [name, slot] of Object.entries(this.slots)) {
      const field = fields[name];
      if (!needed.includes(name) || !field) { slot.drop(); continue; }
      const options = { solver: view.solver, steps, lastByEuler: field.singular && wrong !== "to_the_end" };
      const family = [scene.id, view.solver, steps, view.particles, wrong].join("|");
      slot.want(family, field.version, () => new Flow(field, starts, options));
    }
    const field = fields[needed[0]];
    const options = { solver: view.solver, steps, lastByEuler: field?.singular && wrong !== "to_the_end" };
    const before = new Map(this.drops.map((drop) => [drop.key, drop]));
    this.drops = !field ? [] : view.drops.map(([from, x, y]) => {
      const key = [scene.id, field.version, view.solver, steps, wrong, from, x, y].join("|");
      return before.get(key) ?? { key, at: [from, x, y], flow: new Flow(field, [x, y], { ...options, from }).work() };
    });
  }

  get flows() { return Object.values(this.slots).map((slot) => slot.unfinished).filter(Boolean); }

  // How far the pictures may play on.
  get frontier() {
    return Math.min(1, ...Object.values(this.slots).map((slot) => (slot.current ?? slot.next)?.frontier ?? 1));
  }

  adopt(t) { for (const slot of Object.values(this.slots)) slot.adopt(t); }

  // What of all that is shown stands in this plane.
  layers(view) {
    if (!this.part) return view.show;
    return new Set([...view.show].filter((layer) => (layer === "straight") === (this.part === "straight")));
  }

  // The lower canvas: density, arrows, streamlines, data. True when it shows what it should. It is left alone for `pause`
  // milliseconds after it was drawn: where pixels are slow, it is the particles that have to move.
  drawUnder(now, pause, { scene, view, shownField, exact, colours, theme }) {
    const key = [scene.id, view.t, [...this.layers(view)].sort(), view.particles <= FEW, view.field, shownField?.version, this.under.size, theme].join("|");
    if (key === this.drawn) return true;
    if (now - this.drawnAt < 2 * this.cost + pause) return false; // at most a third of the time goes here
    const { under: pen } = this, start = performance.now(), { t } = view, show = this.layers(view);
    pen.clear();
    if (show.has("density")) drawDensity(pen, exact, t, { rgb: colours.densityRgb });
    if (shownField && (show.has("arrows") || show.has("streamlines"))) {
      const samples = sampleField(shownField, t, pen.extent, show.has("streamlines"));
      const colour = view.field === "difference" ? colours.gap : view.particles <= FEW && show.has("paths") ? colours.faintArrow : colours.arrow;
      if (show.has("streamlines")) drawStreamlines(pen, samples, colour);
      const where = view.field === "difference" ? exact.density(t, GRID, pen.extent, DENSITY_BLUR) : null;
      if (show.has("arrows")) drawQuiver(pen, samples, colour, where);
    }
    drawPoints(pen, scene.points, colours.data);
    this.drawn = key;
    this.cost = performance.now() - start;
    this.drawnAt = performance.now();
    return true;
  }

  // The upper canvas: what moves.
  drawOver({ scene, view, colours, exact, fines, crosshair }) {
    const { over: pen } = this, { t } = view, show = this.layers(view);
    pen.clear();
    if (show.has("straight")) drawStraight(pen, scene, view.particles, t, colours.straight);
    const places = {};
    for (const [name, { current }] of Object.entries(this.slots)) {
      if (!current) continue;
      places[name] = current.at(t);
      if (show.has("paths")) drawPaths(pen, current, t, places[name], colours[name]);
    }
    if (show.has("particles") && places.exact && places.network) {
      drawGaps(pen, places.exact, places.network, Math.min(places.exact.length, places.network.length) / 2, colours.gap);
    }
    if (show.has("particles")) {
      for (const [name, x] of Object.entries(places)) drawParticles(pen, x, x.length / 2, colours[name]);
    }
    if (view.particles <= FEW && (show.has("straight") || show.has("paths"))) drawStarts(pen, this.starts, colours);
    const chosen = this.drops.at(-1);
    if (chosen && t >= chosen.at[0]) {
      const place = chosen.flow.at(t), weights = exact.weights(place[0], place[1], t);
      drawPosterior(pen, place, scene.points, weights, colours);
      drawWeights(pen, scene.points, weights, colours.data);
      drawMean(pen, meanUnder(scene.points, weights), colours);
    }
    for (const drop of this.drops) drawDrop(pen, { flow: drop.flow, fine: fines.get(drop.at.join(":")) }, t, colours, drop === chosen);
    if (crosshair) drawCrosshair(pen, crosshair, colours.ink);
  }

  // T, evaluations, and how far the particles are from where they ought to be.
  describe({ scene, view, reference, hasField }) {
    const flow = Object.values(this.slots).map((slot) => slot.current).find(Boolean);
    if (!hasField) return put(this.caption, scene.note || "The network has not been trained on these points yet: press “Train”.");
    if (this.part === "straight" || (this.part && view.field === "exact")) return put(this.caption, PARTS[this.part]);
    if (!flow) return put(this.caption, "");
    const head = `${SOLVER_NAMES[view.solver]}, T = ${flow.steps} · ${flow.evaluations} evaluation${flow.evaluations === 1 ? "" : "s"}`;
    if (flow.frontier < view.t) return put(this.caption, `${head} · computed up to t = ${flow.frontier.toFixed(2)}`);
    if (view.field === "difference") return put(this.caption, `${head} · ${this.gap(view.t)}`);
    const known = reference && reference.frontier >= view.t && reference.version === flow.version;
    put(this.caption, known ? `${head} · RMS distance from the true flow ${distanceBetween(flow, reference, view.t).toFixed(3)}` : head);
  }

  gap(t) {
    const { exact, network } = this.slots;
    if (!exact.current || !network.current) return "";
    return `RMS distance between the two ${distanceBetween(exact.current, network.current, t).toFixed(3)}`;
  }
}

// The planes that are shown, each with its part of what there is to see.
function planes(panels, view) {
  const split = isSplit(view);
  for (const [k, part] of ["straight", "paths"].entries()) panels[k].part = split ? part : "";
  panels[1].figure.hidden = !view.beside && !split;
  return panels[1].figure.hidden ? [panels[0]] : panels;
}

function drawCrosshair(pen, [x, y], colour) {
  const { context } = pen, left = pen.x(x), top = pen.y(y);
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  for (const [a, b] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    context.moveTo(left + 4 * a, top + 4 * b);
    context.lineTo(left + 14 * a, top + 14 * b);
  }
  context.stroke();
}

// Writing the same text again would make the browser lay the page out again.
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
