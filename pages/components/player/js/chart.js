// Curves over the steps, one panel above the other, on the scrubber's own horizontal scale.

const CHART = { height: 84, alone: 120, low: 0.7, lowBelow: 900, beside: 56, top: 8, bottom: 8 }; // one panel alone gets more room, a low window less

class Charts {
  // host: the element to fill; onSeek(frame, done) is called while pointing and once more when done.
  constructor(host, onSeek) {
    this.host = host;
    this.onSeek = onSeek;
    this.logs = new Map(); // panel name -> whether its axis is logarithmic, as the student left it
    this.panels = [];
  }

  show(film, scale) {
    this.colours = getComputedStyle(this.host).getPropertyValue("--st-chart-categorical-colors").split(",").filter(Boolean);
    if (!this.colours.length) this.colours = ["var(--accent)"];
    this.film = film;
    this.scale = scale;
    this.host.style.marginLeft = `${scale.left}px`; // below the scrubber, step by step
    this.host.replaceChildren();
    const names = [...new Set(film.curves.map((curve, i) => curve.panel || `#${i}`))];
    this.height = Math.round((names.length === 1 ? CHART.alone : CHART.height) * (innerHeight < CHART.lowBelow ? CHART.low : 1));
    this.panels = names.map((name) => this.panel(name, film.curves.filter((c, i) => (c.panel || `#${i}`) === name)));
  }

  panel(name, curves) {
    const values = curves.flatMap((curve) => curve.values).filter((v) => v !== null);
    const positive = values.length > 0 && values.every((v) => v > 0);
    const log = positive && (this.logs.get(name) ?? curves[0].log);
    const map = (v) => (log ? Math.log10(v) : v);
    let low = Math.min(...values.map(map)), high = Math.max(...values.map(map));
    if (!values.length) [low, high] = [0, 1];
    if (!log && low > 0 && low < 0.4 * high) low = 0;
    if (high - low < 1e-12) [low, high] = [low - 0.5, high + 0.5];
    const inner = this.height - CHART.top - CHART.bottom;
    const y = (v) => CHART.top + inner * (1 - (map(v) - low) / (high - low));

    const box = document.createElement("figure");
    box.className = "panel";
    const head = document.createElement("figcaption");
    const drawing = svg("svg", { width: this.scale.width, height: this.height, class: "chart" });
    drawing.setAttribute("role", "img");
    drawing.setAttribute("aria-label", `Curves over the steps: ${curves.map((c) => c.meaning || texToText(c.label)).join(", ")}`);
    const left = this.scale.x(0), right = this.scale.x(Math.max(1, this.film.total - 1));
    const beside = this.scale.left >= CHART.beside; // where the curve and the cursor at the end do not cross them
    const texts = [];
    for (const level of this.levels(low, high, log)) {
      const at = CHART.top + inner * (1 - (level.at - low) / (high - low));
      drawing.append(svg("line", { x1: left, x2: right, y1: at, y2: at, class: "grid" }));
      const text = svg("text", { ...(beside ? { x: left - 8, y: at + 4 } : { x: right - 8, y: at - 3 }), class: "level" });
      text.textContent = level.text;
      texts.push(text);
    }
    const quantities = curves.map((curve) => quantityOf(curve.label));
    const alone = (quantity) => quantity && quantities.filter((other) => other === quantity).length === 1;
    const readouts = curves.map((curve, i) => {
      const colour = alone(quantities[i]) ? "var(--own)" : this.colours[i % this.colours.length];
      drawing.append(markQuantity(svg("path", { d: this.path(curve.values, y), class: "curve", stroke: colour }), curve.label));
      const dot = markQuantity(svg("circle", { r: 4, class: "dot", fill: colour }), curve.label);
      drawing.append(dot);
      const item = document.createElement("span");
      item.className = "readout";
      markQuantity(item, curve.label);
      item.style.setProperty("--line", colour);
      const label = document.createElement("span");
      label.append(texToMath(curve.label));
      const value = document.createElement("b"); // not <output>: a screen reader would announce every step
      item.append(label, " ", value);
      if (curve.meaning) {
        const words = document.createElement("span");
        words.className = "words";
        words.textContent = curve.meaning;
        item.append(" ", words);
      }
      head.append(item);
      return { values: curve.values, format: formatter(curve.values), dot, value };
    });
    const cursor = svg("line", { y1: 0, y2: this.height, class: "cursor" });
    const ghost = svg("line", { y1: 0, y2: this.height, class: "ghost", visibility: "hidden" });
    drawing.append(...texts, ghost, cursor);
    if (positive) head.append(this.toggle(name, log));
    box.append(head, drawing);
    this.host.append(box);
    const panel = { readouts, cursor, y, over: null };
    this.point(drawing, ghost, panel);
    return panel;
  }

  // At most four horizontal lines: whole powers of ten on a logarithmic axis, the ends otherwise.
  levels(low, high, log) {
    if (!log) return [low, high].map((at) => ({ at, text: number(at, 3) }));
    const first = Math.ceil(low), last = Math.floor(high), stride = Math.max(1, Math.ceil((last - first) / 3));
    const out = [];
    for (let power = first; power <= last; power += stride) out.push({ at: power, text: `10${raised(power)}` });
    return out.length ? out : [{ at: low, text: number(10 ** low, 3) }, { at: high, text: number(10 ** high, 3) }];
  }

  path(values, y) {
    let d = "", pen = "M";
    values.forEach((v, i) => {
      if (v === null) { pen = "M"; return; }
      d += `${pen}${this.scale.x(i).toFixed(1)} ${y(v).toFixed(1)}`;
      pen = "L";
    });
    return d;
  }

  toggle(name, log) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "log";
    button.title = "Logarithmic axis";
    button.setAttribute("aria-pressed", String(log));
    button.addEventListener("click", () => {
      this.logs.set(name, !log);
      this.show(this.film, this.scale);
      this.move(this.frame);
    });
    return button;
  }

  // Where the pointer is, a faint line stands, and the numbers are those of that step.
  point(drawing, ghost, panel) {
    const frameAt = (event) => this.scale.frame(event.clientX - drawing.getBoundingClientRect().left);
    drawing.addEventListener("pointerdown", (event) => {
      drawing.setPointerCapture(event.pointerId);
      panel.over = null;
      this.onSeek(frameAt(event), false);
    });
    drawing.addEventListener("pointermove", (event) => {
      if (drawing.hasPointerCapture(event.pointerId)) {
        this.onSeek(frameAt(event), false);
        return;
      }
      panel.over = frameAt(event);
      this.move(this.frame);
      const x = this.scale.x(panel.over);
      ghost.setAttribute("x1", x);
      ghost.setAttribute("x2", x);
      ghost.setAttribute("visibility", "visible");
    });
    drawing.addEventListener("pointerup", (event) => this.onSeek(frameAt(event), true));
    drawing.addEventListener("pointerleave", () => {
      ghost.setAttribute("visibility", "hidden");
      panel.over = null;
      this.move(this.frame);
    });
  }

  move(frame) {
    this.frame = frame;
    for (const { readouts, cursor, y, over } of this.panels) {
      const x = this.scale.x(frame);
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
      for (const { values, format, dot, value } of readouts) {
        const v = values[frame] ?? null, read = values[over ?? frame] ?? null;
        value.textContent = read === null ? "–" : format(read);
        dot.setAttribute("visibility", v === null ? "hidden" : "visible");
        if (v !== null) { dot.setAttribute("cx", x); dot.setAttribute("cy", y(v)); }
      }
    }
  }
}

const raised = (power) => String(power).replace(/./g, (c) => ({ "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" })[c]);

function number(value, digits = 4) {
  if (value === 0) return "0";
  const power = Math.floor(Math.log10(Math.abs(value)));
  const text = power < -3 || power > 4
    ? `${(value / 10 ** power).toFixed(Math.max(0, digits - 2))}·10${raised(power)}`
    : value.toFixed(Math.max(0, digits - 1 - Math.max(0, power)));
  return text.replace("-", "−");
}

// The same number of decimals at every step, so that digits do not jump about while scrubbing.
function formatter(values) {
  const sizes = values.filter((v) => v !== null && v !== 0).map(Math.abs);
  const largest = Math.max(...sizes), smallest = Math.min(...sizes);
  if (!sizes.length || sizes.every(Number.isInteger) && largest < 1e6) return (v) => String(v).replace("-", "−");
  // Over many powers of ten no fixed number of decimals is right: a signal-to-noise ratio runs from 10⁴ to 10⁻⁸.
  if (largest >= 1e5 || largest < 1e-3 || largest > 1e5 * smallest) return (v) => number(v, 4);
  const decimals = Math.max(0, 3 - Math.floor(Math.log10(largest) - 1e-9)) // 1.000 counts as below 1: ᾱ has four decimals
  const limit = 0.5 * 10 ** -Math.min(4, decimals);
  return (v) => (v !== 0 && Math.abs(v) < limit && smallest < limit ? number(v, 3) : v.toFixed(Math.min(4, decimals)).replace("-", "−"));
}
