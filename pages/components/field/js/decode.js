// Bytes from Python to a scene. The format is described in scene.py.

function readPart(bytes, offset) {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 4);
  const length = view.getUint32(0, true);
  const text = new TextDecoder().decode(bytes.subarray(offset + 4, offset + 4 + length));
  return [JSON.parse(text), offset + 4 + length];
}

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
