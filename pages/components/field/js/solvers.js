// One step of length h from time t for the particles first … last−1: the steps of core/flow.py.

const EVALUATIONS = { euler: 1, heun: 2, rk4: 4 };

const SOLVERS = {
  euler(field, x, t, h, out, first, last, scratch) {
    field.velocity(x, t, scratch[0], first, last);
    along(out, x, h, scratch[0], first, last);
  },

  heun(field, x, t, h, out, first, last, scratch) {
    const [here, there, end] = scratch;
    field.velocity(x, t, here, first, last);
    along(end, x, h, here, first, last);
    field.velocity(end, t + h, there, first, last);
    for (let i = 2 * first; i < 2 * last; i++) out[i] = x[i] + (h / 2) * (here[i] + there[i]);
  },

  rk4(field, x, t, h, out, first, last, scratch) {
    const [k1, k2, at, k3, k4] = scratch;
    field.velocity(x, t, k1, first, last);
    along(at, x, h / 2, k1, first, last);
    field.velocity(at, t + h / 2, k2, first, last);
    along(at, x, h / 2, k2, first, last);
    field.velocity(at, t + h / 2, k3, first, last);
    along(at, x, h, k3, first, last);
    field.velocity(at, t + h, k4, first, last);
    for (let i = 2 * first; i < 2 * last; i++) out[i] = x[i] + (h / 6) * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
  },
};

function along(out, x, h, u, first, last) {
  for (let i = 2 * first; i < 2 * last; i++) out[i] = x[i] + h * u[i];
}

const CHUNK = 128; // particles between two looks at the clock

// Particles carried from t = `from` to t = 1 by one solver, computed a little at a time and kept at every node k/T.
class Flow {
  // lastByEuler: the exact field is infinite at t = 1 off the data, so Heun and RK4 must not ask for it there
  // (Karras et al., 2022, algorithm 1).
  constructor(field, starts, { solver = "euler", steps = 20, from = 0, lastByEuler = field.singular } = {}) {
    this.field = field;
    this.solver = solver;
    this.steps = steps;
    this.lastByEuler = lastByEuler;
    this.times = [from];
    for (let k = Math.floor(from * steps + 1e-9) + 1; k <= steps; k++) this.times.push(k / steps);
    this.nodes = [Float64Array.from(starts)];
    this.count = starts.length / 2;
    this.filled = 0;
    this.scratch = Array.from({ length: EVALUATIONS[solver] === 1 ? 1 : EVALUATIONS[solver] + 1 }, () => new Float64Array(starts.length));
  }

  get done() { return this.nodes.length === this.times.length; }
  get frontier() { return this.times[this.nodes.length - 1]; }

  // How often the field is asked for each particle, from the start to the end.
  get evaluations() {
    const steps = this.times.length - 1;
    return this.lastByEuler && steps ? (steps - 1) * EVALUATIONS[this.solver] + 1 : steps * EVALUATIONS[this.solver];
  }

  // Goes on until the deadline (of performance.now()) or the end; at least one chunk.
  work(deadline = Infinity) {
    while (!this.done) {
      const k = this.nodes.length - 1, t = this.times[k], h = this.times[k + 1] - t;
      const solver = this.lastByEuler && k + 2 === this.times.length ? "euler" : this.solver;
      this.next ??= new Float64Array(2 * this.count);
      const last = Math.min(this.count, this.filled + CHUNK);
      SOLVERS[solver](this.field, this.nodes[k], t, h, this.next, this.filled, last, this.scratch);
      this.filled = last;
      if (last === this.count) {
        this.nodes.push(this.next);
        this.next = null;
        this.filled = 0;
      }
      if (performance.now() > deadline) break;
    }
    return this;
  }

  // The last node at or before t.
  node(t) {
    let k = Math.min(this.nodes.length - 1, Math.max(0, Math.floor((t - this.times[0]) * this.steps) + 1));
    while (k > 0 && this.times[k] > t + 1e-12) k--;
    return k;
  }

  // Where the particles are at time t. Between two nodes a solver says nothing; they are joined by a straight line.
  at(t, out = new Float64Array(2 * this.count)) {
    const k = this.node(t), x = this.nodes[k];
    if (k + 1 >= this.nodes.length) out.set(x);
    else {
      const share = Math.max(0, (t - this.times[k]) / (this.times[k + 1] - this.times[k])), next = this.nodes[k + 1];
      for (let i = 0; i < out.length; i++) out[i] = x[i] + share * (next[i] - x[i]);
    }
    return out;
  }
}

// Root mean square distance between the particles that both flows have, at time t.
function distanceBetween(one, other, t) {
  const a = one.at(t), b = other.at(t), length = Math.min(a.length, b.length);
  let sum = 0;
  for (let i = 0; i < length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum / (length / 2));
}
