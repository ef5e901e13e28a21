// The exact marginal field of a finite set of points: core/toy.py again, for the browser. Positions are flat arrays
// x0 y0 x1 y1 …; the arithmetic is in doubles.

const SHORTEST_REMAINDER = 1e-4; // 1 − t is not taken smaller, as in core/toy.py
const NEGLIGIBLE = -40; // a weight of e^-40 beside the largest one is below the precision of the sum

const remainder = (t) => Math.max(1 - t, SHORTEST_REMAINDER);

class ExactField {
  // points: N pairs, flat. `singular` tells the solvers that the velocity is infinite at t = 1.
  constructor(points) {
    this.points = Float64Array.from(points);
    this.count = points.length / 2;
    this.moved = new Float64Array(points.length); // t x1
    this.squares = new Float64Array(this.count);
    this.singular = true;
  }

  prepare(t) {
    for (let i = 0; i < this.moved.length; i++) this.moved[i] = t * this.points[i];
  }

  // |x − t x1|² to every point, after prepare(t); returns the smallest.
  distances(x, y) {
    const { moved, squares, count } = this;
    let least = Infinity;
    for (let j = 0; j < count; j++) {
      const dx = x - moved[2 * j], dy = y - moved[2 * j + 1];
      const square = dx * dx + dy * dy;
      squares[j] = square;
      if (square < least) least = square;
    }
    return least;
  }

  // E[x1 − x0 | x_t = x] for the particles first … last−1 of x, into u.
  velocity(x, t, u, first = 0, last = x.length / 2) {
    const { points, squares, count } = this;
    const left = remainder(t), scale = -1 / (2 * left * left);
    this.prepare(t);
    for (let i = first; i < last; i++) {
      const px = x[2 * i], py = x[2 * i + 1];
      const least = this.distances(px, py);
      let sum = 0, sumX = 0, sumY = 0;
      for (let j = 0; j < count; j++) {
        const exponent = scale * (squares[j] - least);
        if (exponent < NEGLIGIBLE) continue;
        const weight = Math.exp(exponent);
        sum += weight;
        sumX += weight * points[2 * j];
        sumY += weight * points[2 * j + 1];
      }
      u[2 * i] = (sumX / sum - px) / left;
      u[2 * i + 1] = (sumY / sum - py) / left;
    }
  }

  // p(x1 | x_t = x): the probability that each data point is where x is going. Sums to 1.
  weights(x, y, t) {
    const left = remainder(t), scale = -1 / (2 * left * left);
    this.prepare(t);
    const least = this.distances(x, y);
    const weights = this.squares.map((square) => Math.exp(scale * (square - least)));
    const sum = weights.reduce((a, b) => a + b, 0);
    return weights.map((weight) => weight / sum);
  }

  // The density p_t on a grid of size × size over [−extent, extent]², row by row from the top. A Gaussian in the plane
  // is a product of two on the line, so the grid is a product of two thin matrices. No Gaussian is narrower than `blur`.
  density(t, size, extent, blur = 0) {
    const sigma = Math.max(remainder(t), blur), scale = -1 / (2 * sigma * sigma);
    const { count, points } = this;
    const cell = (2 * extent) / size, reach = Math.ceil((6 * sigma) / cell);
    const grid = new Float32Array(size * size), columns = new Float64Array(size);
    const norm = 1 / (count * 2 * Math.PI * sigma * sigma);
    for (let j = 0; j < count; j++) {
      const x = t * points[2 * j], y = t * points[2 * j + 1];
      const column = Math.floor((x + extent) / cell), row = Math.floor((extent - y) / cell);
      const left = Math.max(0, column - reach), right = Math.min(size - 1, column + reach);
      for (let c = left; c <= right; c++) {
        const dx = -extent + (c + 0.5) * cell - x;
        columns[c] = norm * Math.exp(scale * dx * dx);
      }
      for (let r = Math.max(0, row - reach); r <= Math.min(size - 1, row + reach); r++) {
        const dy = extent - (r + 0.5) * cell - y;
        const factor = Math.exp(scale * dy * dy);
        for (let c = left, at = r * size + left; c <= right; c++, at++) grid[at] += factor * columns[c];
      }
    }
    return grid;
  }
}
