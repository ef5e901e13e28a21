// The controls of the field: buttons, sliders, keys, and the pointer on the plane.

const THUMB = 20; // width of a range input's thumb in CSS pixels, as in field.css
/** @typedef {{field: string, show: Set<string>, particles: number}} Layered */
const moving = (/** @type {Layered} */ view) => [["particles", "particles"], ["paths", "paths"]].filter(([layer]) => view.show.has(layer)).map(([, words]) => words);
// Colour, words ("" for what is not drawn), and whether it is drawn as a line.
/** @type {[string, (view: Layered) => string, (view: Layered) => boolean][]} */
const LEGEND = [
  ["data", () => "data points x₁", () => false],
  ["ring", (view) => view.particles <= FEW && (view.show.has("straight") || view.show.has("paths")) ? "noises x₀" : "", () => false],
  ["exact", (view) => view.field !== "network" ? named(moving(view), "exact field") : "", (view) => !view.show.has("particles")],
  ["network", (view) => view.field !== "exact" ? named(moving(view), "network") : "", (view) => !view.show.has("particles")],
  ["straight", (view) => view.show.has("straight") ? "conditional paths, a dot at time t" : "", () => true],
  ["gap", (view) => view.field === "difference" ? "difference" : "", () => true],
];
const named = (/** @type {string[]} */ what, /** @type {string} */ field) => what.length ? `${what.join(" and their ")}, ${field}` : "";

class Controls {
  constructor(field, signal) {
    this.field = field;
    this.part = field.part;
    this.on = (target, type, action) => target.addEventListener(type, action, { signal });
    this.transport();
    this.settings();
    this.keys();
    for (const plane of field.root.querySelectorAll(".plane")) this.pointer(plane);
  }

  transport() {
    const { field, part, on } = this;
    const click = (name, action) => on(part(name), "click", action);
    click("play", () => field.toggle());
    click("back", () => field.step(-1));
    click("forth", () => field.step(1));
    click("clear", () => field.set({ drops: [] }));
    click("save", () => field.savePicture());
    click("keep", () => field.keep());
    const speed = part("speed"), time = part("time-range");
    speed.replaceChildren(...SPEEDS.map((value) => new Option(`${value}×`, String(value), value === 1, value === 1)));
    on(speed, "change", () => { field.speed = Number(speed.value); });
    this.hold(time);
    on(time, "input", () => field.seek(Number(time.value)));
  }

  // While a slider is held nothing is sent.
  hold(range) {
    this.on(range, "pointerdown", () => { this.field.busy = true; });
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) this.on(range, type, () => { this.field.busy = false; });
  }

  settings() {
    const { field, part, on } = this;
    for (const [group, name] of [["which", "field"], ["solver", "solver"]]) {
      for (const input of part(group).querySelectorAll("input")) on(input, "change", () => field.set({ [name]: input.value }));
    }
    part("layers").replaceChildren(...Object.entries(LAYERS).map(([name, label]) => {
      const chip = document.createElement("button");
      Object.assign(chip, { type: "button", className: "chip", textContent: label });
      chip.dataset.layer = name;
      on(chip, "click", () => {
        const show = new Set(field.view.show);
        if (!show.delete(name)) show.add(name);
        field.set({ show });
      });
      return chip;
    }));
    for (const name of ["steps", "beside"]) {
      part(name).max = STOPS.length - 1;
      on(part(name), "input", () => field.set({ [name]: STOPS[Number(part(name).value)] }));
    }
    on(part("more"), "toggle", () => field.layout());
    const compare = part("compare");
    on(compare, "change", () => field.set({ beside: compare.checked ? (field.view.steps > 12 ? 4 : 50) : 0 }));
    on(part("particles"), "input", () => field.set({ particles: Number(part("particles").value) }));
    on(part("after"), "input", () => field.set({ after: Number(part("after").value) }));
    for (const name of ["steps", "beside", "particles", "after"]) this.hold(part(name));
  }

  // The pointer drops a particle and drags it about; with the keyboard, arrows move a crosshair and Enter drops.
  pointer(plane) {
    const { field, on } = this;
    const panel = () => field.panels.find((one) => one.plane === plane);
    const place = (event) => {
      const box = plane.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    on(plane, "pointerdown", (event) => {
      if (event.button || !field.hasField) return;
      plane.setPointerCapture(event.pointerId);
      field.busy = true;
      field.crosshair = null;
      const [left, top] = place(event);
      if (!field.choose(panel(), left, top)) field.dropAt(...panel().over.toPlane(left, top));
    });
    on(plane, "pointermove", (event) => {
      if (!plane.hasPointerCapture(event.pointerId)) return;
      const drop = field.view.drops.at(-1);
      if (drop && Math.abs(drop[0] - field.view.t) < 1e-3) field.moveDrop(...panel().over.toPlane(...place(event)));
    });
    for (const type of ["pointerup", "pointercancel"]) on(plane, type, () => { field.busy = false; });
    on(plane, "focus", () => {
      field.aiming = plane;
      if (plane.matches(":focus-visible")) field.crosshair ??= [0, 0];
      field.wake();
    });
    on(plane, "blur", () => { field.aiming = field.crosshair = null; field.wake(); });
    on(plane, "keydown", (event) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (move) {
        const limit = field.scene.extent, stride = event.shiftKey ? 0.5 : 0.1;
        const [x, y] = field.crosshair ?? [0, 0];
        field.crosshair = [clamp(x + stride * move[0], -limit, limit), clamp(y + stride * move[1], -limit, limit)];
        field.wake();
      } else if (event.key === "Enter" && field.hasField) {
        field.dropAt(...(field.crosshair ??= [0, 0]));
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  keys() {
    const { field } = this;
    this.on(field.root, "keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !field.view) return;
      const { target } = event;
      const typed = target.matches("select, input:not(.time-range)");
      const actions = {
        ArrowLeft: () => field.step(-1), ArrowRight: () => field.step(1), Home: () => field.seek(0), End: () => field.seek(1),
        Delete: () => field.set({ drops: [] }),
      };
      if (event.key === " " && !target.closest("button, select, input:not(.time-range)")) {
        if (!event.repeat) field.toggle();
      } else if (actions[event.key] && !typed) actions[event.key]();
      else return;
      event.preventDefault();
    });
  }

  playing(on) {
    const button = this.part("play");
    button.classList.toggle("playing", on);
    button.setAttribute("aria-label", on ? "Pause" : "Play");
  }

  // What changes with the size or with the settings, not with time.
  layout(scene, view, colours) {
    const { part } = this, width = part("track").clientWidth - THUMB;
    const dense = width / view.steps < 5;
    part("ticks").replaceChildren(...(dense ? [] : Array.from({ length: view.steps + 1 }, (_, k) => {
      const tick = document.createElement("i");
      tick.style.left = `${THUMB / 2 + (k / view.steps) * width}px`;
      return tick;
    })));
    part("key").replaceChildren(...LEGEND.filter(([, words]) => words(view)).map(([name, words, line]) => {
      const item = document.createElement("span");
      item.textContent = words(view);
      item.classList.toggle("line", line(view));
      item.style.setProperty("--mark", colours[name] ?? "none");
      item.classList.toggle("ring", name === "ring");
      return item;
    }));
    const snapshots = scene.network?.snapshots.length ?? 0;
    part("after").max = Math.max(0, snapshots - 1);
    part("after").closest("label").hidden = snapshots < 2;
    this.shown = null;
  }

  // What changes with time.
  show(view) {
    const { part, field } = this, text = JSON.stringify(formatView(view));
    if (text === this.shown) return;
    this.shown = text;
    const k = view.t * view.steps, node = Math.abs(k - Math.round(k)) < 1e-3;
    put(part("time"), `t = ${view.t.toFixed(2)}`);
    put(part("count"), `${node ? "step" : "between steps"} ${node ? Math.round(k) : `${Math.floor(k)} and ${Math.floor(k) + 1}`} of ${view.steps}`);
    const time = part("time-range");
    if (Number(time.value) !== view.t) time.value = view.t;
    time.setAttribute("aria-valuetext", `t = ${view.t.toFixed(2)}`);
    part("track").style.setProperty("--at", `${THUMB / 2 + view.t * (part("track").clientWidth - THUMB)}px`);
    for (const [group, value] of [["which", view.field], ["solver", view.solver]]) {
      for (const input of part(group).querySelectorAll("input")) input.checked = input.value === value;
    }
    for (const chip of part("layers").children) chip.setAttribute("aria-pressed", String(view.show.has(chip.dataset.layer)));
    const amounts = { steps: nearestStop(view.steps), beside: nearestStop(view.beside || 1), particles: view.particles, after: view.after };
    const after = field.scene.network?.steps[Math.min(view.after, field.scene.network.steps.length - 1)];
    const words = { steps: `T = ${view.steps}`, beside: view.beside ? `T = ${view.beside}` : "", particles: view.particles, after: after ?? "" };
    for (const [name, value] of Object.entries(amounts)) {
      const range = part(name);
      if (Number(range.value) !== value) range.value = value;
      put(range.parentElement.querySelector(".value"), String(words[name]));
      if (name in { steps: 1, beside: 1 }) range.setAttribute("aria-valuetext", String(words[name]));
    }
    part("compare").checked = view.beside > 0;
    part("beside").disabled = !view.beside;
    field.root.dataset.t = view.t.toFixed(3); // what is on the screen now, for tests and for style sheets
  }
}
