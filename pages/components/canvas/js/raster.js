// The drawing as numbers. The browser's own 2-D canvas only shows them: some browsers alter what is read back from
// one, and no two smooth a line alike. The same strokes give the same pixels everywhere, now and after a refresh.

const UNIT = 64; // points are whole numbers of 1/64 pixel of the result
const LIGHTEST = 0.3; // share of the brush that a pen without pressure draws

class Raster {
  // sheet: {width, height, channels, fine, mask, paper}; under: RGB bytes of width × height, or null.
  constructor(sheet, under) {
    this.sheet = sheet;
    this.width = sheet.width * sheet.fine;
    this.height = sheet.height * sheet.fine;
    this.channels = sheet.channels;
    const count = this.width * this.height;
    this.base = new Uint8Array(count * this.channels).fill(sheet.mask ? 0 : sheet.paper);
    if (under && !sheet.mask) this.enlarge(this.base, (pixel, channel) => under[3 * pixel + channel]);
    this.pixels = this.base.slice();
    this.before = this.base.slice();
    this.cover = new Uint8Array(count);
  }

  // Writes values of the result's pixels into all the finer pixels of each.
  enlarge(target, value) {
    const { width, fine } = this.sheet;
    for (let y = 0, to = 0; y < this.height; y++) {
      for (let x = 0; x < this.width; x++) {
        const pixel = Math.floor(y / fine) * width + Math.floor(x / fine);
        for (let channel = 0; channel < this.channels; channel++) target[to++] = value(pixel, channel);
      }
    }
  }

  apply(op) {
    if (op.kind === "stroke") {
      this.begin();
      for (let i = 0; i < op.points.length / 3; i++) this.segment(op, i);
    } else if (op.kind === "clear") this.pixels.set(this.base);
    else if (op.kind === "invert") this.pixels.forEach((value, i, all) => { all[i] = 1 - value; });
    else if (op.kind === "fill") this.pixels.forEach((_, i, all) => { all[i] = op.ink[i % this.channels]; });
    else this.enlarge(this.pixels, (pixel, channel) => op.pixels[pixel * this.channels + channel]); // "put"
  }

  begin() {
    this.before.set(this.pixels);
    this.cover.fill(0);
  }

  // Draws a stroke from its point i − 1 to its point i: all pixels within the brush's radius of that line. Within a
  // stroke the largest cover counts, so that the joints are not darker. Returns the part that may have changed.
  segment(op, i) {
    const { width, height, cover, sheet } = this;
    const scale = sheet.fine / UNIT;
    const at = 3 * i, from = Math.max(0, at - 3);
    const ax = op.points[from] * scale, ay = op.points[from + 1] * scale;
    const bx = op.points[at] * scale, by = op.points[at + 1] * scale;
    const radius = (pressure) => (op.size * sheet.fine / 2) * (LIGHTEST + (1 - LIGHTEST) * (pressure / 255));
    const ra = radius(op.points[from + 2]), rb = radius(op.points[at + 2]);
    const reach = Math.max(ra, rb) + 1;
    const left = Math.max(0, Math.floor(Math.min(ax, bx) - reach)), right = Math.min(width - 1, Math.ceil(Math.max(ax, bx) + reach));
    const top = Math.max(0, Math.floor(Math.min(ay, by) - reach)), bottom = Math.min(height - 1, Math.ceil(Math.max(ay, by) + reach));
    const dx = bx - ax, dy = by - ay, length = dx * dx + dy * dy;
    const hard = sheet.fine === 1, thinner = rb - ra, reached = reach * reach;
    for (let y = top; y <= bottom; y++) {
      const py = y + 0.5 - ay;
      for (let x = left, pixel = y * width + left; x <= right; x++, pixel++) {
        if (cover[pixel] === 255) continue;
        const px = x + 0.5 - ax;
        let along = length ? (px * dx + py * dy) / length : 0;
        along = along < 0 ? 0 : along > 1 ? 1 : along;
        const ex = px - along * dx, ey = py - along * dy, distance = ex * ex + ey * ey;
        if (distance > reached) continue;
        const r = ra + thinner * along;
        let covered;
        if (hard) covered = distance <= r * r + 1e-9 ? 255 : 0;
        else {
          const share = r + 0.5 - Math.sqrt(distance);
          covered = share >= 1 ? 255 : share <= 0 ? 0 : Math.round(255 * share);
        }
        if (covered <= cover[pixel]) continue;
        cover[pixel] = covered;
        this.blend(pixel, op, covered);
      }
    }
    return { left, top, right, bottom };
  }

  blend(pixel, op, covered) {
    const { pixels, before, base, channels } = this;
    for (let channel = 0, i = pixel * channels; channel < channels; channel++, i++) {
      const target = op.erase ? base[i] : op.ink[channel];
      pixels[i] = (before[i] * (255 - covered) + target * covered + 127) / 255; // rounded: the array cuts the rest off
    }
  }

  // The result: the mean of the finer pixels of each pixel, uint8 (height, width, channels).
  result() {
    const { width, height, fine } = this.sheet;
    if (fine === 1) return this.pixels.slice();
    const { channels, pixels } = this, area = fine * fine;
    const out = new Uint8Array(width * height * channels);
    const row = new Uint32Array(width * channels);
    for (let y = 0, from = 0; y < height; y++) {
      row.fill(0);
      for (let line = 0; line < fine; line++) {
        for (let x = 0; x < width; x++) {
          for (let step = 0; step < fine; step++) {
            for (let channel = 0; channel < channels; channel++) row[x * channels + channel] += pixels[from++];
          }
        }
      }
      row.forEach((sum, i) => { out[y * row.length + i] = (sum + area / 2) / area; });
    }
    return out;
  }
}

// A short name for contents (cyrb53, 53 bits): tells drawings apart, protects nothing.
function hash(bytes) {
  let a = 0xdeadbeef, b = 0x41c6ce57;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 2654435761);
    b = Math.imul(b ^ byte, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
}

function toBase64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

// Throws if the text is not base64 of `length` bytes.
function fromBase64(text, length) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  if (bytes.length !== length) throw new Error(`${bytes.length} bytes in place of ${length}`);
  return bytes;
}

// 0/1 values, eight to a byte, the first one highest.
function packBits(values) {
  const bytes = new Uint8Array(Math.ceil(values.length / 8));
  values.forEach((value, i) => { if (value) bytes[i >> 3] |= 128 >> (i & 7); });
  return bytes;
}
