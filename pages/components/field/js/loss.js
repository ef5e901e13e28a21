// The loss of the training so far, above the loss that the exact field has: no network can go below that line.

const LOSS = { height: 92, left: 44, right: 12, top: 10, bottom: 24 };

// loss: {at, values, total, floor}; `cursor` is the training step of the network that is shown.
function drawLoss(host, { at, values, total, floor }, cursor, width) {
  const { height, left, right, top, bottom } = LOSS;
  const known = values.filter((value) => value !== null);
  const high = Math.max(floor * 1.15, ...known.slice(1)), low = Math.min(floor, ...known) - 0.4 * (high - floor);
  const x = (step) => left + (step / total) * (width - left - right);
  const y = (value) => top + (1 - (Math.min(value, high) - low) / (high - low)) * (height - top - bottom);
  const drawing = svg("svg", { width, height, role: "img" });
  drawing.setAttribute("aria-label", `Loss over ${total} training steps; the exact field's loss is ${floor.toFixed(3)}`);
  const points = at.map((step, i) => (values[i] === null ? null : [x(step), y(values[i])])).filter(Boolean);
  const line = points.map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join("");
  if (points.length) {
    const [first, last] = [points[0][0], points.at(-1)[0]];
    drawing.append(svg("path", { d: `${line}L${last} ${y(floor)}L${first} ${y(floor)}Z`, class: "gap" }));
  }
  for (const value of [high, floor]) {
    drawing.append(svg("text", { x: left - 6, y: y(value) + 4, class: "level end" }, value.toFixed(2)));
  }
  for (const step of [0, total / 2, total]) {
    const anchor = step === 0 ? "start" : step === total ? "end" : "middle";
    drawing.append(svg("text", { x: x(step), y: height - 6, class: "level", "text-anchor": anchor }, String(Math.round(step))));
  }
  drawing.append(svg("line", { x1: left, x2: width - right, y1: y(floor), y2: y(floor), class: "floor" }));
  drawing.append(svg("text", { x: width - right, y: y(floor) + 15, class: "level end words" }, "loss of the exact field"));
  drawing.append(svg("path", { d: line, class: "curve" }));
  if (cursor !== null) drawing.append(svg("line", { x1: x(cursor), x2: x(cursor), y1: top, y2: height - bottom, class: "cursor" }));
  host.replaceChildren(drawing);
}
