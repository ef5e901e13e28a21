// zlib's format (RFC 1950) without its checksum: what is fetched is named by its SHA-256, and the length is checked.

// Inflates into exactly `size` bytes. The browser does it itself where it can, which Safari does from 16.4 on.
async function inflate(bytes, size) {
  const out = globalThis.DecompressionStream ? await inflateBeside(bytes) : inflateHere(bytes, size);
  if (out.length !== size) throw new Error("its pictures are cut short");
  return out;
}

async function inflateBeside(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// RFC 1951, section 3.2. Lengths 257 to 285 and distances 0 to 29: where each begins, and how many bits follow.
const LENGTHS = tabled([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0], 3);
const DISTANCES = tabled([0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13], 1);
LENGTHS[28].begin = 258; // one that could be written in 284 too
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

function tabled(bits, begin) {
  return bits.map((extra) => {
    const step = { begin, extra };
    begin += 2 ** extra;
    return step;
  });
}

function inflateHere(bytes, size) {
  const out = new Uint8Array(size), input = new Bits(bytes, 2); // after zlib's two bytes
  let at = 0;
  for (let last = false; !last;) {
    last = input.take(1) === 1;
    const kind = input.take(2);
    if (kind === 0) {
      const stored = input.stored();
      out.set(stored, at);
      at += stored.length;
    } else if (kind === 3) throw new Error("its pictures are damaged");
    else at = inflateBlock(input, kind === 1 ? fixedCodes() : codesOf(input), out, at);
  }
  return out.subarray(0, at);
}

/** @param {{counts: Uint16Array, symbols: Uint16Array}[]} codes of literals, and of distances */
function inflateBlock(input, codes, out, at) {
  const [literals, distances] = codes;
  for (;;) {
    const symbol = input.symbol(literals);
    if (symbol < 256) out[at++] = symbol;
    else if (symbol === 256) return at;
    else {
      const length = input.step(LENGTHS[symbol - 257]), back = input.step(DISTANCES[input.symbol(distances)]);
      for (const end = at + length; at < end; at++) out[at] = out[at - back];
    }
  }
}

function fixedCodes() {
  const lengths = Array.from({ length: 288 }, (_, k) => (k < 144 ? 8 : k < 256 ? 9 : k < 280 ? 7 : 8));
  return [huffman(lengths), huffman(Array(30).fill(5))];
}

function codesOf(input) {
  const literals = input.take(5) + 257, distances = input.take(5) + 1, count = input.take(4) + 4;
  const order = Array(19).fill(0);
  for (let k = 0; k < count; k++) order[CODE_ORDER[k]] = input.take(3);
  const code = huffman(order), lengths = [];
  while (lengths.length < literals + distances) {
    const symbol = input.symbol(code);
    if (symbol < 16) lengths.push(symbol);
    else {
      const again = symbol === 16 ? lengths[lengths.length - 1] : 0;
      const times = symbol === 16 ? 3 + input.take(2) : symbol === 17 ? 3 + input.take(3) : 11 + input.take(7);
      for (let k = 0; k < times; k++) lengths.push(again);
    }
  }
  return [huffman(lengths.slice(0, literals)), huffman(lengths.slice(literals))];
}

// A canonical Huffman code: how many codes there are of each length, and their symbols in order.
function huffman(lengths) {
  const counts = new Uint16Array(16), begin = new Uint16Array(16);
  for (const length of lengths) if (length) counts[length]++;
  for (let k = 1; k < 16; k++) begin[k] = begin[k - 1] + counts[k - 1];
  const symbols = new Uint16Array(lengths.length);
  lengths.forEach((length, symbol) => { if (length) symbols[begin[length]++] = symbol; });
  return { counts, symbols };
}

class Bits {
  constructor(bytes, at) {
    this.bytes = bytes;
    this.at = at; // of the next byte
    this.held = this.count = 0; // bits that were read and not yet taken
  }

  take(count) {
    while (this.count < count) {
      if (this.at >= this.bytes.length) throw new Error("its pictures are cut short");
      this.held |= this.bytes[this.at++] << this.count;
      this.count += 8;
    }
    const value = this.held & ((1 << count) - 1);
    this.held >>>= count;
    this.count -= count;
    return value;
  }

  step({ begin, extra }) { return begin + this.take(extra); }

  symbol({ counts, symbols }) {
    let code = 0, first = 0, index = 0;
    for (let length = 1; length < 16; length++) {
      code |= this.take(1);
      if (code - counts[length] < first) return symbols[index + code - first];
      index += counts[length];
      first = (first + counts[length]) << 1;
      code <<= 1;
    }
    throw new Error("its pictures are damaged");
  }

  stored() {
    this.held = this.count = 0; // the rest of a byte
    const length = this.bytes[this.at] | (this.bytes[this.at + 1] << 8);
    this.at += 4;
    return this.bytes.subarray(this.at, (this.at += length));
  }
}
