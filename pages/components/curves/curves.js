// Curves over a common axis: running losses with smoothing, sweeps with points. plotly draws them, also while they grow;
// what the student sets here (smoothing, logarithmic axis, which axis, a zoom) stays in the browser.

const MEANS = [1, 5, 10, 25, 50, 100, 250]; // steps averaged into each point of the bold curve
const MARKED = Array.from({ length: 12 }, (_, k) => [1, 2, 5].map((n) => n * 10 ** (k - 4))).flat(); // of a logarithmic axis
const PICTURES_WITHIN = 4000; // milliseconds that a chart waits for them at most
const LOOK_EVERY = 100;
const charts = new WeakMap();
let plotly = null; // the promise of the library, one for the page

/**
 * One curve; x has the numbers of each axis. A point stands for `every` steps.
 * @typedef {{name: string, x: number[][], y: (number | null)[], every: number, note: string, colour: number | null}} Series
 * What __init__.py sends.
 * @typedef {{title: string, axes: string[], series: Series[], smoothing: number, log_x: boolean, log_y: boolean,
 *   points: boolean, verticals: number[], x_max: number | null, y_range: [number, number] | null, height: number,
 *   share: number, library: string}} Curves
 */

// plotly's script holds up a browser for a second when it is first read, so the films that a page opens with come first.
async function picturesDrawn() {
  const until = performance.now() + PICTURES_WITHIN;
  const awaited = () => [...(globalThis["__players"] ?? [])].some((player) => player.awaitsPicture);
  do await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY)); // a player may be mounted after its charts
  while (awaited() && performance.now() < until);
}

function load(address) {
  plotly ??= picturesDrawn().then(() => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.addEventListener("load", () => resolve(globalThis["Plotly"]));
    script.addEventListener("error", () => {
      plotly = null; // the server restarts: the next drawing asks again
      reject(new Error(`${address} did not load`));
    });
    document.head.append(script);
  }));
  return plotly;
}

// The mean of the last `count` values, fewer at the beginning; gaps stay, and do not count.
function trailingMean(values, count) {
  const out = [], kept = [];
  let sum = 0;
  for (const value of values) {
    if (value === null) {
      out.push(null);
      continue;
    }
    sum += value;
    kept.push(value);
    if (kept.length > count) sum -= kept[kept.length - 1 - count];
    out.push(sum / Math.min(kept.length, count));
  }
  return out;
}

// A number in three digits; a gap, or nothing yet, as a dash.
const short = (value) => (value === null || value === undefined ? "–" : String(Number(value.toPrecision(3))));

// Words of a legend in lines that fit into a width in CSS pixels: plotly breaks none.
function wrapped(parts, width) {
  const most = (width - 50) / 7.5, length = (text) => text.replace(/<[^>]*>/g, "").length;
  return parts.reduce((lines, part) => {
    const line = `${lines.at(-1)} · ${part}`;
    return lines.length && length(line) <= most ? [...lines.slice(0, -1), line] : [...lines, part];
  }, []).join("<br>");
}

class Chart {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`.${name}`);
    this.drawing = this.part("drawing");
    this.resized = new ResizeObserver(() => this.data && this.draw());
    this.resized.observe(root);
  }

  /** @param {Curves} data */
  update(data) {
    if (this.data?.title !== data.title) {
      [this.logY, this.mean, this.axis] = [data.log_y, data.smoothing, 0];
    }
    this.height = Math.round(Math.max(data.height, data.share * window.innerHeight));
    this.drawing.style.minHeight = `${this.height}px`; // its place, until the library is there
    this.data = data;
    this.axis = Math.min(this.axis, data.axes.length - 1);
    this.tools();
    this.draw();
  }

  tools() {
    const { data } = this, signature = JSON.stringify([data.smoothing, data.axes, data.title]);
    this.part("title").textContent = data.title;
    if (signature === this.toolSignature) return; // a select that is open must not be replaced while a curve grows
    this.toolSignature = signature;
    const tools = [];
    if (data.smoothing) tools.push(this.choice("mean of", MEANS.map((n) => [n, n === 1 ? "1 step" : `${n} steps`]), this.mean, (v) => { this.mean = v; }));
    if (data.axes.length > 1) tools.push(this.choice("over", data.axes.map((a, i) => [i, a]), this.axis, (v) => { this.axis = v; }));
    const log = document.createElement("button");
    Object.assign(log, { type: "button", textContent: "log", title: "Logarithmic vertical axis" });
    log.setAttribute("aria-pressed", String(Boolean(this.logY)));
    log.addEventListener("click", () => {
      this.logY = !this.logY;
      log.setAttribute("aria-pressed", String(this.logY));
      this.draw();
    });
    this.part("tools").replaceChildren(...tools, log);
  }

  choice(words, options, value, change) {
    const label = document.createElement("label"), select = document.createElement("select");
    for (const [v, text] of options) select.append(new Option(text, String(v), false, v === value));
    select.addEventListener("change", () => {
      change(Number(select.value));
      this.draw();
    });
    label.append(words, select);
    return label;
  }

  // What plotly draws: for a smoothed series the steps faint and their running mean bold, else the series alone.
  traces(colours) {
    const { data } = this;
    return data.series.flatMap((series, i) => {
      const count = Math.max(1, Math.round(this.mean / series.every)), smooth = data.smoothing > 0 && count > 1;
      const color = colours[(series.colour ?? i) % colours.length], x = series.x[this.axis];
      const line = { x, type: "scatter", legendgroup: String(i), connectgaps: false };
      const y = smooth ? trailingMean(series.y, count) : series.y;
      const name = wrapped([...`${series.name} <b>${short(y.at(-1))}</b>`.split(" · "), series.note].filter(Boolean), this.root.clientWidth);
      const bold = {
        ...line, y, name, mode: data.points ? "lines+markers" : "lines",
        line: { color, width: 2 }, marker: { color, size: 8 }, cliponaxis: !data.points, hovertemplate: `%{y:.3g}<extra>${series.name}</extra>`,
      };
      if (!smooth) return [bold];
      return [{ ...line, y: series.y, mode: "lines", line: { color, width: 1 }, opacity: 0.28, showlegend: false, hoverinfo: "skip" }, bold];
    });
  }

  // One step with a large loss must not flatten the rest: of the faint curves, the axis leaves out the highest few of many.
  range(traces) {
    if (this.data.y_range) return this.logY ? null : this.data.y_range;
    if (!this.data.smoothing) return null;
    const shown = traces.flatMap(({ y, showlegend }) => {
      const values = y.filter((v) => v !== null && (!this.logY || v > 0)).sort((a, b) => a - b);
      return showlegend === false && values.length > 40 ? values.slice(0, Math.floor(values.length * 0.98)) : values;
    });
    const low = Math.min(...shown), high = Math.max(...shown);
    if (!(high > low)) return null;
    if (this.logY) return [Math.log10(low) - 0.05, Math.log10(high) + 0.05];
    const from = low > 0 && low < 0.5 * high ? 0 : low - 0.05 * (high - low);
    return [from, high + 0.05 * (high - from)];
  }

  // About how many lines the legend takes below the curves.
  legendLines(traces) {
    const names = traces.filter((trace) => trace.showlegend !== false).map((trace) => trace.name);
    const letters = names.reduce((sum, name) => sum + name.replace(/<[^>]*>/g, "").length + 9, 0);
    return Math.max(Math.ceil((7.5 * letters) / this.root.clientWidth), names.join().split("<br>").length);
  }

  layout(style, traces) {
    const { data } = this, paper = style.getPropertyValue("--st-background-color").trim() || "#fff";
    const ink = style.color, grid = ink.replace(/^rgb\((.*)\)$/, "rgba($1, 0.16)"), first = this.axis === 0;
    const axis = {
      color: ink, gridcolor: grid, zeroline: false, automargin: true,
      tickfont: { size: 12 }, tickangle: 0,
    };
    const range = this.range(traces);
    return {
      height: this.height + 20 * this.legendLines(traces), margin: { l: 8, r: 12, t: 8, b: 8 }, paper_bgcolor: paper, plot_bgcolor: paper,
      font: { family: style.fontFamily, size: 14, color: ink }, hovermode: "x unified", dragmode: "zoom",
      hoverlabel: { bgcolor: paper, font: { color: ink } },
      showlegend: true, legend: { orientation: "h", x: 0, yref: "container", y: 0, yanchor: "bottom" }, separators: ".\u202f", // 9 380
      uirevision: `${this.axis} ${this.logY}`, // a zoom stays while the curve grows, and goes with its axes
      xaxis: {
        ...axis, title: { text: data.axes[this.axis], standoff: 4, font: { size: 12 } }, showgrid: false, type: data.log_x ? "log" : "linear",
        hoverformat: ",.4~g", ...(data.log_x ? { tickvals: MARKED } : {}), // plotly writes 20 as a small 2
        // The end is always said: plotly would keep "not by itself" of a range that was given, and then draw from -1 to 6.
        ...(first && !data.log_x && data.smoothing ? { range: [0, data.x_max || Math.max(...traces.map(({ x }) => x.at(-1)))] } : {}),
      },
      yaxis: { ...axis, type: this.logY ? "log" : "linear", ...(range ? { range } : { rangemode: "tozero" }) },
      shapes: first ? data.verticals.map((at) => ({
        type: "line", x0: at, x1: at, yref: "paper", y0: 0, y1: 1, line: { color: grid, width: 1, dash: "dot" }, layer: "below",
      })) : [],
    };
  }

  draw() {
    this.drawWith(this.data.library).catch((error) => {
      this.drawing.textContent = "The script that draws the curves has not arrived. Reload the page.";
      console.debug("curves:", error);
    });
  }

  async drawWith(address) {
    if (!this.root.clientWidth) return;
    const library = await load(address);
    if (!this.root.isConnected) return;
    const style = getComputedStyle(this.root);
    const colours = style.getPropertyValue("--st-chart-categorical-colors").split(",").map((colour) => colour.trim()).filter(Boolean);
    const traces = this.traces(colours.length ? colours : [style.color]);
    const last = this.data.series.map((series) => `${series.name} ${short(series.y.at(-1))}`);
    this.drawing.setAttribute("aria-label", `${this.data.title} over ${this.data.axes[this.axis]}: ${last.join(", ")}`);
    await library.react(this.drawing, traces, this.layout(style, traces), { displayModeBar: false, responsive: false });
    document.getElementById("js-plotly-tester")?.setAttribute("aria-hidden", "true"); // where plotly measures: nothing to hear
  }

  destroy() {
    this.resized.disconnect();
    plotly?.then((library) => library.purge(this.drawing));
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".curves");
  let chart = charts.get(parentElement);
  if (!chart || chart.root !== root) {
    chart?.destroy();
    chart = new Chart(root);
    charts.set(parentElement, chart);
  }
  chart.update(data);
  return () => {
    chart.destroy();
    charts.delete(parentElement);
  };
}
