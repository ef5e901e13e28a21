// Bytes from Python to a film that can be drawn. The format is described in packing.py.

/**
 * Frames of one row, as they travel: `count` of them from `first` on. Decoded, `pixels` are uint8, frame after frame.
 * @typedef {object} Chunk
 * @property {string} codec "raw", or "deflate" and what it was foretold from: "frames", "pixels"
 * @property {number} first
 * @property {number} count
 * @property {number} bytes
 * @property {string} digest
 * @property {Uint8Array} [pixels]
 *
 * A quantity of the film: one picture for each sample at each step, or one for all steps (frames = 1).
 * @typedef {{name: string, label: string, caption: string, ends: string, sign: string, shown: boolean, limit: number, blank: number | null, drawn: boolean, once: boolean,
 *   frames: number, height: number, width: number, channels: 1 | 3, chunks: Chunk[]}} Row
 *
 * @typedef {{label: string, values: (number | null)[], log: boolean, panel: string, meaning: string}} Curve
 * @typedef {{symbol: string, meaning: string, values: (number | null)[]}} Term
 *
 * A film: the header that packing.py writes, and its rows with their pixels.
 * @typedef {object} Film
 * @property {Row[]} rows
 * @property {string[]} steps what the clock says at each step
 * @property {string[]} columns names of the samples
 * @property {number} batch samples in a row
 * @property {number} total steps that there will be
 * @property {Curve[]} curves
 * @property {Term[]} numbers
 * @property {string} formula TeX
 * @property {object} marks
 * @property {string} strip name of the row that the strip shows
 * @property {number} strip_sample
 * @property {number} start
 * @property {string} clock
 * @property {string} name
 * @property {boolean} autoplay
 * @property {boolean} loops
 * @property {number} [count] steps that have arrived
 */

/**
 * `known` maps digests to pixels decoded before, so that a film that grows decodes only what is new.
 * @param {Uint8Array} bytes
 * @param {Map<string, Uint8Array>} known
 * @returns {Promise<[Film, Map<string, Uint8Array>]>}
 */
async function decodeFilm(bytes, known) {
  const [film, pixelsAt] = readPart(bytes, 0);
  let offset = pixelsAt;
  const used = new Map();
  for (const row of film.rows) {
    for (const chunk of row.chunks) {
      const blob = bytes.subarray(offset, offset + chunk.bytes);
      offset += chunk.bytes;
      const id = `${chunk.digest}:${row.width}x${row.height}x${row.channels}`;
      chunk.pixels = known.get(id) ?? await decodeChunk(blob, row, chunk, film.batch);
      used.set(id, chunk.pixels);
    }
  }
  film.count = film.steps.length;
  return [film, used];
}

/**
 * `film` holds the pixels of its newest frames only: put those before them that `before` holds, of the same run.
 * @param {Film} before
 * @param {Film} film
 */
function joinFilm(before, film) {
  for (const row of film.rows) {
    const old = before.rows.find(({ name }) => name === row.name);
    row.chunks = [...old.chunks, ...row.chunks];
  }
}

// No canvas takes part: a browser that protects its user may answer something else than was painted.
async function decodeChunk(blob, row, chunk, batch) {
  const [codec, ...foretold] = chunk.codec.split(" ");
  if (codec === "raw") return blob;
  const { width, height, channels } = row, line = width * channels, frame = batch * height * line;
  const pixels = await inflate(blob, chunk.count * frame);
  if (foretold.includes("pixels")) { // the other way round than they were taken: left of it, above, frame before
    for (let from = 0; from < pixels.length; from += line) addUp(pixels, from + channels, from + line, channels);
    for (let from = 0; from < pixels.length; from += height * line) addUp(pixels, from + line, from + height * line, line);
  }
  if (foretold.includes("frames")) addUp(pixels, frame, pixels.length, frame);
  return pixels;
}

// To each byte is added the one `back` bytes before it, modulo 256.
function addUp(bytes, from, to, back) {
  for (let at = from; at < to; at++) bytes[at] += bytes[at - back];
}

/**
 * Where the pixels of one picture lie: the bytes of its chunk, and the first of its own. A still has one frame for all steps.
 * @param {Film} film
 * @param {Row} row
 * @param {number} frame
 * @param {number} sample
 * @returns {[Uint8Array, number]}
 */
function bytesOf(film, row, frame, sample) {
  const index = row.frames === 1 ? 0 : Math.min(frame, row.frames - 1);
  const chunk = row.chunks.find((part) => index < part.first + part.count);
  return [chunk.pixels, ((index - chunk.first) * film.batch + sample) * row.width * row.height * row.channels];
}

/**
 * Paint one picture of one row into a canvas of the row's own size.
 * @param {HTMLCanvasElement} canvas
 * @param {Film} film
 * @param {Row} row
 * @param {number} frame
 * @param {number} sample
 * @param {number} [toward] how far it is faded into the picture of the next frame, from 0 to 1: only where it moves
 */
function paint(canvas, film, row, frame, sample, toward = 0) {
  const { width, height, channels } = row;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const [source, from] = bytesOf(film, row, frame, sample);
  const [next, nextFrom] = toward > 0 ? bytesOf(film, row, Math.min(frame + 1, film.count - 1), sample) : [source, from];
  const share = Math.round(256 * toward), own = 256 - share; // whole numbers: a frame that is not faded is exactly itself
  const byte = (at) => (source[from + at] * own + next[nextFrom + at] * share) >> 8;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const out = new Uint32Array(image.data.buffer); // little-endian: alpha, blue, green, red
  if (channels === 1) {
    for (let i = 0; i < out.length; i++) out[i] = 0xff000000 | (byte(i) * 0x010101);
  } else {
    for (let i = 0, at = 0; i < out.length; i++, at += 3) {
      out[i] = 0xff000000 | (byte(at + 2) << 16) | (byte(at + 1) << 8) | byte(at);
    }
  }
  context.putImageData(image, 0, 0);
}
