// Curves over a common axis: running losses with smoothing, sweeps with points. What the student sets here (smoothing,
// logarithmic axes, which axis) stays in the browser and costs the server nothing.

const MEANS = [1, 5, 10, 25, 50, 100, 250]; // steps averaged into each point of the bold curve
const SPACE = { left: 52, right: 14, top: 10, bottom: 34 };
const charts = new WeakMap();

const make = (tag, attributes = {}, text) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
};
const html = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};
const short = (v) => {
  if (v === 0) return "0";
  const size = Math.abs(v);
  if (size >= 1e5 || size < 1e-3) return v.toExponential(1).replace("e+", "e").replace("-", "−");
  return String(Number(v.toPrecision(3))).replace("-", "−");
};

// The mean of the last `count` values, fewer at the beginning.
function trailingMean(values, count) {
  const out = [];
  let sum = 0;
  values.forEach((v, i) => {
    sum += v;
    if (i >= count) sum -= values[i - count];
    out.push(sum / Math.min(i + 1, count));
  });
  return out;
}

function ticks(low, high, log, most) {
  if (log) {
    const first = Math.ceil(low - 1e-9), last = Math.floor(high + 1e-9), stride = Math.max(1, Math.ceil((last - first) / most));
    const out = [];
    for (let p = first; p <= last; p += stride) out.push(p);
    if (out.length >= 2) return out;
    const fine = [];
    for (let p = Math.floor(low); p <= high; p++) for (const m of [1, 2, 5]) {
      const at = p + Math.log10(m);
      if (at >= low && at <= high) fine.push(at);
    }
    return fine.length ? fine : [low, high];
  }
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const out = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) out.push(k * step);
  return out;
}

class Chart {
  constructor(parent) {
    this.root = parent.querySelector(".curves");
    this.part = (name) => this.root.querySelector(name);
    this.drawing = this.part("svg");
    this.resized = new ResizeObserver(() => this.data && this.draw());
    this.resized.observe(this.root);
    this.drawing.addEventListener("pointermove", (event) => this.point(event));
    this.drawing.addEventListener("pointerleave", () => this.leave());
  }

  update(data) {
    if (this.data?.title !== data.title) [this.logY, this.mean, this.axis] = [data.log_y, data.smoothing, 0];
    this.data = data;
    this.axis = Math.min(this.axis, data.axes.length - 1);
    this.tools();
    this.draw();
  }

  tools() {
    const { data } = this;
    this.part(".title").textContent = data.title;
    const tools = [];
    if (data.smoothing) tools.push(this.choice("mean of", MEANS.map((n) => [n, n === 1 ? "1 step" : `${n} steps`]), this.mean, (v) => { this.mean = Number(v); }));
    if (data.axes.length > 1) tools.push(this.choice("over", data.axes.map((a, i) => [i, a]), this.axis, (v) => { this.axis = Number(v); }));
    const log = html("button", "", "log");
    log.type = "button";
    log.title = "Logarithmic vertical axis";
    log.setAttribute("aria-pressed", String(Boolean(this.logY)));
    log.addEventListener("click", () => { this.logY = !this.logY; log.setAttribute("aria-pressed", String(this.logY)); this.draw(); });
    tools.push(log);
    const signature = JSON.stringify([data.smoothing, data.axes, data.title]);
    if (signature !== this.toolSignature) { // a select that is open must not be replaced while a curve grows
      this.toolSignature = signature;
      this.part(".tools").replaceChildren(...tools);
    }
  }

  choice(words, options, value, change) {
    const label = html("label", "", words), select = html("select");
    for (const [v, text] of options) select.append(new Option(text, v, false, String(v) === String(value)));
    select.addEventListener("change", () => { change(select.value); this.draw(); });
    label.append(select);
    return label;
  }

  // What is drawn of a series: points of the chosen axis, with values that the axes can show.
  prepared() {
    const fits = (v, log) => v !== null && Number.isFinite(v) && (!log || v > 0);
    return this.data.series.map((series, i) => {
      const x = series.x[this.axis], lift = (v, log) => (log ? Math.log10(v) : v);
      const kept = x.map((v, k) => k).filter((k) => fits(x[k], this.data.log_x) && fits(series.y[k], this.logY));
      const y = kept.map((k) => series.y[k]);
      const mean = this.data.smoothing ? trailingMean(y, Math.max(1, Math.round(this.mean / series.every))) : y;
      return {
        ...series, colour: this.colours[(series.colour ?? i) % this.colours.length],
        px: kept.map((k) => lift(x[k], this.data.log_x)), raw: y.map((v) => lift(v, this.logY)), bold: mean.map((v) => lift(v, this.logY)), mean,
      };
    });
  }

  // What the axes reach from and to: [left, right, low, high], as logarithms where an axis is logarithmic.
  reach(lines) {
    const xs = lines.flatMap((l) => l.px), ys = lines.flatMap((l) => (this.data.smoothing && this.mean > 1 ? [...l.bold, ...this.inner(l.raw)] : l.raw));
    const [left, furthest] = xs.length ? [Math.min(...xs), Math.max(...xs, this.data.x_max && !this.data.log_x && !this.axis ? this.data.x_max : -Infinity)] : [0, 1];
    let [low, high] = ys.length ? [Math.min(...ys), Math.max(...ys)] : [0, 1];
    if (!this.logY && low > 0 && low < 0.5 * high) low = 0;
    if (this.data.y_range && !this.logY) [low, high] = this.data.y_range;
    if (high - low < 1e-12) [low, high] = [low - 0.5, high + 0.5];
    return [left, furthest - left < 1e-12 ? left + 1 : furthest, low, high];
  }

  draw() {
    const width = this.root.clientWidth, { height } = this.data;
    if (!width) return;
    this.colours = getComputedStyle(this.root).getPropertyValue("--st-chart-categorical-colors").split(",").filter(Boolean);
    if (!this.colours.length) this.colours = ["var(--accent)"];
    const lines = (this.lines = this.prepared()), [left, right, low, high] = this.reach(lines);
    const inside = { w: width - SPACE.left - SPACE.right, h: height - SPACE.top - SPACE.bottom };
    const x = (this.x = (v) => SPACE.left + (inside.w * (v - left)) / (right - left));
    const y = (this.y = (v) => SPACE.top + inside.h * (1 - (Math.min(Math.max(v, low), high) - low) / (high - low)));
    this.drawing.setAttribute("height", height);
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.drawing.setAttribute("aria-label", `${this.data.title}: ${lines.map((l) => l.name).join(", ")}`);
    const parts = [];
    const say = (v, log) => short(log ? 10 ** v : v);
    for (const at of ticks(low, high, this.logY, 5)) {
      parts.push(make("line", { x1: SPACE.left, x2: width - SPACE.right, y1: y(at), y2: y(at), class: "grid" }));
      parts.push(make("text", { x: SPACE.left - 8, y: y(at) + 4, class: "level" }, say(at, this.logY)));
    }
    for (const at of ticks(left, right, this.data.log_x, width < 500 ? 4 : 8)) parts.push(make("text", { x: x(at), y: height - SPACE.bottom + 17, class: "tick" }, say(at, this.data.log_x)));
    parts.push(make("text", { x: width - SPACE.right, y: height - 2, class: "axis" }, this.data.axes[this.axis]));
    if (!this.axis) for (const at of this.data.verticals) {
      if (at > left && at <= right) parts.push(make("line", { x1: x(at), x2: x(at), y1: SPACE.top, y2: height - SPACE.bottom, class: "vertical" }));
    }
    for (const line of lines) {
      const path = (values) => values.map((v, k) => `${k ? "L" : "M"}${x(line.px[k]).toFixed(1)} ${y(v).toFixed(1)}`).join("");
      if (this.data.smoothing && this.mean > line.every) parts.push(make("path", { d: path(line.raw), class: "raw", stroke: line.colour }));
      parts.push(make("path", { d: path(line.bold), class: "line", stroke: line.colour }));
      if (this.data.points) line.bold.forEach((v, k) => parts.push(make("circle", { cx: x(line.px[k]), cy: y(v), r: 4, class: "point", fill: line.colour })));
    }
    this.ghost = make("line", { y1: SPACE.top, y2: height - SPACE.bottom, class: "ghost", visibility: "hidden" });
    this.dots = lines.map((l) => make("circle", { r: 4, class: "dot", fill: l.colour, visibility: "hidden" }));
    this.drawing.replaceChildren(...parts, this.ghost, ...this.dots);
    this.legend();
    if (this.over) this.point(this.over);
  }

  // Without the highest few: one step with a large loss must not flatten the rest. They are drawn at the edge.
  inner(values) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted.length > 40 ? [sorted[0], sorted[Math.floor(sorted.length * 0.98)]] : sorted;
  }

  legend() {
    this.values = this.lines.map((line) => {
      const value = html("b", "", line.mean.length ? short(line.mean.at(-1)) : "–");
      return value;
    });
    this.part(".legend").replaceChildren(...this.lines.map((line, i) => {
      const item = html("span", "item", line.name);
      item.style.setProperty("--line", line.colour);
      item.append(this.values[i]);
      if (line.note) item.append(html("span", "note", line.note));
      return item;
    }));
  }

  point(event) {
    this.over = { clientX: event.clientX };
    const at = event.clientX - this.drawing.getBoundingClientRect().left;
    let where = null;
    this.lines.forEach((line, i) => {
      if (!line.px.length) return;
      let best = 0;
      line.px.forEach((v, k) => { if (Math.abs(this.x(v) - at) < Math.abs(this.x(line.px[best]) - at)) best = k; });
      const near = Math.abs(this.x(line.px[best]) - at) < 40;
      this.dots[i].setAttribute("visibility", near ? "visible" : "hidden");
      this.dots[i].setAttribute("cx", this.x(line.px[best]));
      this.dots[i].setAttribute("cy", this.y(line.bold[best]));
      this.values[i].textContent = near ? short(line.mean[best]) : "–";
      if (near && where === null) where = line.px[best];
    });
    this.ghost.setAttribute("visibility", where === null ? "hidden" : "visible");
    if (where === null) return;
    this.ghost.setAttribute("x1", this.x(where));
    this.ghost.setAttribute("x2", this.x(where));
    this.part(".at").textContent = `${this.data.axes[this.axis]} ${short(this.data.log_x ? 10 ** where : where)}`;
  }

  leave() {
    this.over = null;
    this.ghost?.setAttribute("visibility", "hidden");
    this.dots?.forEach((dot) => dot.setAttribute("visibility", "hidden"));
    this.part(".at").textContent = "";
    this.legend();
  }

  destroy() { this.resized.disconnect(); }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".curves");
  let chart = charts.get(parentElement);
  if (!chart || chart.root !== root) {
    chart?.destroy();
    chart = new Chart(parentElement);
    charts.set(parentElement, chart);
  }
  chart.update(data);
  return () => { chart.destroy(); charts.delete(parentElement); };
}
