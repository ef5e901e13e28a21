// The network of core/networks/toy_mlp.py, from its weights: (x, y, t) → three hidden layers with SiLU → velocity.

class Network {
  // weights: all parameters in the order of the state dictionary, each matrix row by row.
  constructor(weights, hidden) {
    const sizes = [3, hidden, hidden, hidden, 2];
    let offset = 0;
    const take = (count) => Float64Array.from(weights.subarray(offset, (offset += count)));
    this.layers = sizes.slice(1).map((outputs, k) => {
      const inputs = sizes[k];
      return { inputs, outputs, matrix: take(inputs * outputs), bias: take(outputs) };
    });
    if (offset !== weights.length) throw new Error(`${weights.length} weights do not make a network of width ${hidden}`);
    this.buffers = [new Float64Array(4 * Math.max(3, hidden)), new Float64Array(4 * Math.max(3, hidden))];
  }

  // Four particles at a time, so that each weight is read once for four products.
  velocity(x, t, u, first = 0, last = x.length / 2) {
    for (let start = first; start < last; start += 4) {
      let [input, output] = this.buffers;
      for (let q = 0; q < 4; q++) {
        const i = Math.min(start + q, last - 1);
        input[q] = x[2 * i];
        input[4 + q] = x[2 * i + 1];
        input[8 + q] = t;
      }
      this.layers.forEach((layer, k) => {
        multiply(layer, input, output);
        if (k < this.layers.length - 1) silu(output, 4 * layer.outputs);
        [input, output] = [output, input];
      });
      for (let q = 0; q < 4 && start + q < last; q++) {
        u[2 * (start + q)] = input[q];
        u[2 * (start + q) + 1] = input[4 + q];
      }
    }
  }
}

function multiply({ inputs, outputs, matrix, bias }, input, output) {
  for (let j = 0, at = 0; j < outputs; j++) {
    let a = bias[j], b = a, c = a, d = a;
    for (let i = 0; i < 4 * inputs; i += 4, at++) {
      const weight = matrix[at];
      a += weight * input[i];
      b += weight * input[i + 1];
      c += weight * input[i + 2];
      d += weight * input[i + 3];
    }
    output[4 * j] = a;
    output[4 * j + 1] = b;
    output[4 * j + 2] = c;
    output[4 * j + 3] = d;
  }
}

function silu(values, count) {
  for (let i = 0; i < count; i++) values[i] /= 1 + Math.exp(-values[i]);
}

// What the network says beyond the exact field: u_θ − u.
class Difference {
  constructor(field, from) {
    this.field = field;
    this.from = from;
  }

  velocity(x, t, u, first = 0, last = x.length / 2) {
    const other = new Float64Array(u.length);
    this.from.velocity(x, t, other, first, last);
    this.field.velocity(x, t, u, first, last);
    for (let i = 2 * first; i < 2 * last; i++) u[i] -= other[i];
  }
}
