// What can be drawn on the plane. A `pen` is a canvas context in CSS pixels, with the map from the plane to the canvas
// and the colours of the theme.

const DENSITY_SIZE = 112; // cells of the density's grid along one side
const DENSITY_BLUR = 0.035; // no Gaussian is drawn narrower: near t = 1 each would be smaller than a cell
const GRID = 45; // the field is evaluated on GRID × GRID places; every second one carries an arrow
const STREAK = { steps: 9, length: 0.07 }; // a streamline: so many pieces each way, so long each (in the plane)
const RARE = 0.01; // a density, beside about 0.16 at the middle of the noise
const FEW = 40; // particles: they and their paths are drawn larger
const FOLLOWED = 60; // particles whose path is drawn

class Pen {
  constructor(canvas, extent) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.extent = extent;
  }

  resize(size) {
    const ratio = Math.min(3, devicePixelRatio || 1);
    this.size = size;
    this.canvas.width = this.canvas.height = Math.round(size * ratio);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.lineJoin = this.context.lineCap = "round";
  }

  clear() { this.context.clearRect(0, 0, this.size, this.size); }
  x(x) { return ((x + this.extent) / (2 * this.extent)) * this.size; }
  y(y) { return ((this.extent - y) / (2 * this.extent)) * this.size; }
  toPlane(left, top) {
    return [(2 * this.extent * left) / this.size - this.extent, this.extent - (2 * this.extent * top) / this.size];
  }
}

function drawDensity(pen, field, t, { rgb }) {
  const density = field.density(t, DENSITY_SIZE, pen.extent, DENSITY_BLUR);
  const sheet = (pen.sheet ??= Object.assign(document.createElement("canvas"), { width: DENSITY_SIZE, height: DENSITY_SIZE }));
  const image = new ImageData(DENSITY_SIZE, DENSITY_SIZE);
  for (let i = 0; i < density.length; i++) {
    image.data[4 * i] = rgb[0];
    image.data[4 * i + 1] = rgb[1];
    image.data[4 * i + 2] = rgb[2];
    image.data[4 * i + 3] = (150 * density[i]) / (density[i] + 0.25);
  }
  sheet.getContext("2d").putImageData(image, 0, 0);
  pen.context.imageSmoothingEnabled = true;
  pen.context.imageSmoothingQuality = "high";
  pen.context.drawImage(sheet, 0, 0, pen.size, pen.size);
}

// The velocity on the grid of the arrows and the streamlines, evaluated once for both.
function sampleField(field, t, extent, everyNode) {
  const stride = everyNode ? 1 : 2, side = Math.ceil(GRID / stride), spacing = (2 * extent) / GRID;
  const x = new Float64Array(2 * side * side), u = new Float64Array(x.length);
  for (let row = 0, at = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      x[at++] = -extent + (column * stride + 0.5) * spacing;
      x[at++] = -extent + (row * stride + 0.5) * spacing;
    }
  }
  field.velocity(x, t, u, 0, side * side);
  return { x, u, side, stride, spacing, low: -extent + 0.5 * spacing };
}

// An arrow's length grows with the speed up to a limit: near t = 1 the field is enormous off the data. With `density`,
// on the grid of the samples, arrows fade out where hardly any particle comes: no training has asked for these places.
function drawQuiver(pen, samples, colour, density) {
  const { x, u, side, stride, spacing } = samples, { context } = pen;
  const longest = 2 * spacing * 0.98, skip = 2 / stride;
  context.strokeStyle = colour;
  context.lineWidth = 1.15;
  context.beginPath();
  for (let row = 0; row < side; row += skip) {
    for (let column = 0; column < side; column += skip) {
      const i = 2 * (row * side + column);
      const speed = Math.hypot(u[i], u[i + 1]);
      if (speed < 0.02) continue;
      let length = (longest * speed) / (speed + 1.2);
      if (density) {
        const here = density[(GRID - 1 - (2 * row) / skip) * GRID + (2 * column) / skip];
        length *= here / (here + RARE);
        if (length < 0.02) continue;
      }
      arrow(pen, x[i], x[i + 1], (u[i] / speed) * length, (u[i + 1] / speed) * length, 0.34);
    }
  }
  context.stroke();
}

// Adds an arrow, in plane coordinates, to the current path.
function arrow(pen, x, y, dx, dy, head) {
  const { context } = pen;
  const left = pen.x(x), top = pen.y(y), right = pen.x(x + dx), bottom = pen.y(y + dy);
  const a = right - left, b = bottom - top;
  context.moveTo(left, top);
  context.lineTo(right, bottom);
  context.moveTo(right - head * (a + 0.6 * b), bottom - head * (b - 0.6 * a));
  context.lineTo(right, bottom);
  context.lineTo(right - head * (a - 0.6 * b), bottom - head * (b + 0.6 * a));
}

// Short pieces of the lines that follow the field as it stands at this moment, read off the grid between its places.
function drawStreamlines(pen, samples, colour) {
  const { context } = pen, { side, spacing, low } = samples;
  context.strokeStyle = colour;
  context.lineWidth = 1.3;
  context.beginPath();
  for (let row = 1; row < side; row += 3) {
    for (let column = 1 + (row % 2); column < side; column += 3) {
      const start = [low + column * spacing, low + row * spacing];
      const back = streak(samples, start, -1), forth = streak(samples, start, 1);
      const line = [...back.reverse(), start, ...forth];
      if (line.length < 4) continue;
      line.forEach(([x, y], k) => (k ? context.lineTo(pen.x(x), pen.y(y)) : context.moveTo(pen.x(x), pen.y(y))));
      const [tip, before] = [line.at(-1), line.at(-3)];
      const dx = tip[0] - before[0], dy = tip[1] - before[1];
      arrow(pen, before[0], before[1], dx, dy, 0.6);
    }
  }
  context.stroke();
}

/** @param {number[]} start @returns {number[][]} */
function streak(samples, start, sign) {
  const line = [];
  let [x, y] = start;
  for (let k = 0; k < STREAK.steps; k++) {
    const here = direction(samples, x, y);
    if (!here) break;
    const half = direction(samples, x + (sign * here[0] * STREAK.length) / 2, y + (sign * here[1] * STREAK.length) / 2);
    if (!half) break;
    x += sign * half[0] * STREAK.length;
    y += sign * half[1] * STREAK.length;
    line.push([x, y]);
  }
  return line;
}

// The direction of the sampled field at a place, by bilinear interpolation; null outside or where it stands still.
function direction({ u, side, spacing, low }, x, y) {
  const column = (x - low) / spacing, row = (y - low) / spacing;
  const c = Math.floor(column), r = Math.floor(row);
  if (c < 0 || r < 0 || c >= side - 1 || r >= side - 1) return null;
  const fx = column - c, fy = row - r, i = 2 * (r * side + c), j = i + 2 * side;
  const at = (k) => (1 - fy) * ((1 - fx) * u[i + k] + fx * u[i + 2 + k]) + fy * ((1 - fx) * u[j + k] + fx * u[j + 2 + k]);
  const dx = at(0), dy = at(1), length = Math.hypot(dx, dy);
  return length > 1e-3 ? [dx / length, dy / length] : null;
}

const SLIGHT = 0.02; // a weight below this share of the largest is not drawn

// The data.
function drawPoints(pen, points, colour) {
  const { context } = pen;
  context.fillStyle = colour;
  context.beginPath();
  for (let j = 0; j < points.length; j += 2) disc(pen, points[j], points[j + 1], 2.2);
  context.fill();
}

// The points that have weight; the more, the larger.
function drawWeights(pen, points, weights, colour) {
  const { context } = pen, largest = Math.max(...weights);
  context.fillStyle = colour;
  context.beginPath();
  weights.forEach((weight, j) => {
    if (weight > SLIGHT * largest) disc(pen, points[2 * j], points[2 * j + 1], 1.4 + (3.4 * weight) / largest);
  });
  context.fill();
}

// Adds a disc, in plane coordinates, to the current path.
function disc(pen, x, y, radius) {
  const left = pen.x(x), top = pen.y(y);
  pen.context.moveTo(left + radius, top);
  pen.context.arc(left, top, radius, 0, 2 * Math.PI);
}

function drawParticles(pen, x, count, colour) {
  const { context } = pen, side = count > 1200 ? 2.4 : 3;
  context.fillStyle = colour;
  if (count <= FEW) {
    context.beginPath();
    for (let i = 0; i < count; i++) disc(pen, x[2 * i], x[2 * i + 1], 3.8);
    return context.fill();
  }
  for (let i = 0; i < count; i++) context.fillRect(pen.x(x[2 * i]) - side / 2, pen.y(x[2 * i + 1]) - side / 2, side, side);
}

// The way that particle i has come, up to time t.
function tracePath(pen, flow, i, t, position) {
  const { context } = pen, last = flow.node(t);
  for (let k = 0; k <= last; k++) {
    const x = pen.x(flow.nodes[k][2 * i]), y = pen.y(flow.nodes[k][2 * i + 1]);
    if (k) context.lineTo(x, y);
    else context.moveTo(x, y);
  }
  if (position) context.lineTo(pen.x(position[2 * i]), pen.y(position[2 * i + 1]));
}

function drawPaths(pen, flow, t, position, colour) {
  const { context } = pen;
  context.strokeStyle = colour;
  context.lineWidth = flow.count > FEW ? 1.2 : 2;
  if (flow.count <= FEW) { // the way that is still to come
    context.globalAlpha = 0.35;
    context.beginPath();
    for (let i = 0; i < flow.count; i++) tracePath(pen, flow, i, flow.frontier, null);
    context.stroke();
    context.globalAlpha = 1;
  }
  context.beginPath();
  for (let i = 0; i < Math.min(FOLLOWED, flow.count); i++) tracePath(pen, flow, i, t, position);
  context.stroke();
}

// Conditional paths: each noise joined to one data point, in a straight line, with the place at time t.
function drawStraight(pen, { noise, points, pairs }, count, t, colour) {
  const { context } = pen, shown = Math.min(FOLLOWED, count);
  const ends = Array.from({ length: shown }, (_, i) => {
    const j = pairs[i];
    return [noise[2 * i], noise[2 * i + 1], points[2 * j], points[2 * j + 1]];
  });
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = count > FEW ? 1 : 2;
  context.globalAlpha = 0.6;
  context.beginPath();
  for (const [a, b, c, d] of ends) {
    context.moveTo(pen.x(a), pen.y(b));
    context.lineTo(pen.x(c), pen.y(d));
  }
  context.stroke();
  context.globalAlpha = 1;
  context.beginPath();
  for (const [a, b, c, d] of ends) disc(pen, (1 - t) * a + t * c, (1 - t) * b + t * d, count > FEW ? 2.6 : 3.8);
  context.fill();
}

// Where the particles begin, as open circles.
function drawStarts(pen, starts, { ink, paper }) {
  const { context } = pen;
  context.beginPath();
  for (let i = 0; i < starts.length; i += 2) disc(pen, starts[i], starts[i + 1], 4);
  Object.assign(context, { fillStyle: paper, strokeStyle: ink, lineWidth: 1.6 });
  context.fill();
  context.stroke();
}

// In the difference: from where the exact field has carried a particle to where the network has.
function drawGaps(pen, one, other, count, colour) {
  const { context } = pen;
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  for (let i = 0; i < Math.min(4 * FOLLOWED, count); i++) {
    context.moveTo(pen.x(one[2 * i]), pen.y(one[2 * i + 1]));
    context.lineTo(pen.x(other[2 * i]), pen.y(other[2 * i + 1]));
  }
  context.stroke();
}

// A dropped particle: its path with every step of the solver, the finely integrated path beneath it, and where it is.
function drawDrop(pen, { flow, fine }, t, colours, chosen) {
  const { context } = pen;
  const trace = (path, until) => {
    context.beginPath();
    tracePath(pen, path, 0, until, path.at(until));
    context.stroke();
  };
  context.strokeStyle = colours.ink;
  if (fine) {
    context.globalAlpha = 0.35;
    context.lineWidth = 1.4;
    trace(fine, fine.frontier);
  }
  context.globalAlpha = 1;
  context.setLineDash([2, 5]);
  context.lineWidth = 1.6;
  trace(flow, flow.frontier);
  context.setLineDash([]);
  context.lineWidth = 2.4;
  if (t >= flow.times[0]) trace(flow, t);
  context.fillStyle = colours.ink;
  flow.nodes.forEach((node, k) => {
    if (flow.nodes.length > 42 && k % 5) return;
    context.beginPath();
    context.arc(pen.x(node[0]), pen.y(node[1]), k ? 2.3 : 3.2, 0, 2 * Math.PI);
    context.fill();
  });
  const [x, y] = flow.at(Math.max(t, flow.times[0])), dropped = t >= flow.times[0];
  context.beginPath();
  disc(pen, x, y, chosen ? 7 : 5);
  context.fillStyle = colours.paper;
  context.fill();
  context.lineWidth = chosen ? 3 : 2;
  if (!dropped) context.setLineDash([3, 3]); // still to come
  context.stroke();
  context.setLineDash([]);
}

// The data points that a place is drawn to, each by a straight line as strong as its weight.
function drawPosterior(pen, [x, y], points, weights, colours) {
  const { context } = pen;
  const largest = Math.max(...weights), strength = Math.min(0.85, 4.5 / Math.sqrt(effectiveCount(weights)));
  context.strokeStyle = colours.data;
  context.lineWidth = 1.2;
  for (let j = 0; j < weights.length; j++) {
    const share = weights[j] / largest;
    if (share < SLIGHT) continue;
    context.globalAlpha = strength * share;
    context.beginPath();
    context.moveTo(pen.x(x), pen.y(y));
    context.lineTo(pen.x(points[2 * j]), pen.y(points[2 * j + 1]));
    context.stroke();
  }
  context.globalAlpha = 1;
}

// E[x1 | x] as a cross.
/** @param {number[]} mean */
function drawMean(pen, mean, colours) {
  const [x, y] = mean;
  const { context } = pen, left = pen.x(x), top = pen.y(y);
  context.strokeStyle = colours.ink;
  context.lineWidth = 2.2;
  context.beginPath();
  context.moveTo(left - 6, top);
  context.lineTo(left + 6, top);
  context.moveTo(left, top - 6);
  context.lineTo(left, top + 6);
  context.stroke();
}

// E[x1 | x], the mean of the points under their weights.
function meanUnder(points, weights) {
  let x = 0, y = 0;
  for (let j = 0; j < weights.length; j++) {
    x += weights[j] * points[2 * j];
    y += weights[j] * points[2 * j + 1];
  }
  return [x, y];
}

// How many equal weights would be as spread out: the exponential of the entropy.
function effectiveCount(weights) {
  let entropy = 0;
  for (const weight of weights) if (weight > 0) entropy -= weight * Math.log(weight);
  return Math.exp(entropy);
}
