// Bytes from Python to a scene. The format is described in scene.py.

/**
 * The network at the steps of its training that are shown; weights in the order of its state dictionary.
 * @typedef {{id: string, hidden: number, steps: number[], errors: number[], parameters: number, snapshots: Float32Array[]}} Shown
 *
 * The course of a training, in means over its steps; `done` steps of `total`, `recent` the mean of the last tenth.
 * @typedef {{at: number[], values: (number | null)[], total: number, floor: number, done: number, live: boolean,
 *   recent: number | null}} Loss
 *
 * What scene.py writes: coordinates one after the other, x then y.
 * @typedef {object} Scene
 * @property {string} id
 * @property {number} extent the plane is drawn from −extent to extent
 * @property {{points: number, noise: number}} counts
 * @property {Float32Array} points the data, x₁
 * @property {Float32Array} noise the particles' starts, x₀
 * @property {Uint16Array} pairs the data point to which each noise is joined
 * @property {Shown | null} [network]
 * @property {Loss | null} [loss]
 * @property {string | null} [wrong] what runs wrong on purpose
 * @property {string} [note]
 * @property {boolean} [autoplay]
 * @property {Record<string, unknown>} [about] what made it
 *
 * @param {Uint8Array} bytes
 * @returns {[{epoch: number, view: Record<string, string>}, Scene]}
 */
function decodeScene(bytes) {
  const [envelope, sceneAt] = readPart(bytes, 0);
  const [scene, blobsAt] = readPart(bytes, sceneAt);
  let offset = blobsAt;
  const take = (Kind, count) => {
    const size = count * Kind.BYTES_PER_ELEMENT;
    const part = new Kind(bytes.slice(offset, offset + size).buffer); // a copy: the offset need not be aligned
    offset += size;
    return part;
  };
  scene.points = take(Float32Array, 2 * scene.counts.points);
  scene.noise = take(Float32Array, 2 * scene.counts.noise);
  scene.pairs = take(Uint16Array, scene.counts.noise);
  if (scene.network) {
    scene.network.snapshots = scene.network.steps.map(() => take(Float32Array, scene.network.parameters));
  }
  return [envelope, scene];
}
