// What the student has set, as the texts that stand in the URL, and as values.

const STOPS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 75, 100]; // numbers of steps on the sliders
const LAYERS = {
  density: "density", arrows: "arrows", streamlines: "streamlines", particles: "particles", paths: "paths",
  straight: "conditional paths",
};
const MOST_DROPS = 6;

// Straight lines and the paths of their mean stand in a plane each: drawn over each other nobody sees which of them cross.
const isSplit = (view) => !view.beside && view.show.has("straight") && view.show.has("paths");

const parseView = (texts) => ({
  t: Number(texts.t),
  show: new Set(texts.show.split(",").filter(Boolean)),
  field: texts.field,
  solver: texts.solver,
  steps: Number(texts.steps),
  beside: Number(texts.beside),
  particles: Number(texts.particles),
  after: Number(texts.after),
  drops: texts.drop.split(";").filter(Boolean).map((text) => text.split(":").map(Number)), // [t, x, y]
});

const formatView = (view) => ({
  t: String(rounded(view.t, 3)),
  show: Object.keys(LAYERS).filter((name) => view.show.has(name)).join(","),
  field: view.field,
  solver: view.solver,
  steps: String(view.steps),
  beside: String(view.beside),
  particles: String(view.particles),
  after: String(view.after),
  drop: view.drops.map((drop) => drop.map((value) => rounded(value, 3)).join(":")).join(";"),
});

const rounded = (value, digits) => Number(value.toFixed(digits));
const nearestStop = (steps) => STOPS.reduce((best, stop, k) => (Math.abs(stop - steps) < Math.abs(STOPS[best] - steps) ? k : best), 0);
const signed = (value, digits = 2) => value.toFixed(digits).replace("-", "−");
