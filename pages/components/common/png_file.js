// A PNG that is made in the browser says where it comes from, in the words of core/provenance.py, in a text chunk.

// The bytes of a PNG of a canvas. `about`: what made the picture; `link`, the address of the page, is added.
/** @returns {Promise<Uint8Array<ArrayBuffer>>} */
async function pngFile(canvas, about, link = pageLink()) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Error("the browser made no file of the picture");
  return withOrigin(new Uint8Array(await blob.arrayBuffer()), about, link);
}

// The same of a PNG that is there already.
const withOrigin = (png, about, link) => withText(png, "provenance", JSON.stringify({ ...about, link }));

// The address of the state that is shown; `frame` where the player stands, unless the address says it.
/** @param {number | null} frame */
function pageLink(frame = null) {
  const address = new URL(location.href);
  address.searchParams.delete("job"); // the settings in the address lead to it
  if (frame !== null) address.searchParams.set("frame", String(frame));
  return address.href;
}

// A PNG with one more chunk (iTXt, UTF-8, not compressed) behind its header, which every PNG begins with.
function withText(png, keyword, text) {
  const utf8 = new TextEncoder();
  const body = utf8.encode(`iTXt${keyword}\0\0\0\0\0${text}`); // name, flags, language, translated keyword, text
  const chunk = new Uint8Array(body.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, body.length - 4);
  chunk.set(body, 4);
  view.setUint32(body.length + 4, crc32(body));
  const header = 33; // 8 bytes of signature, 25 of IHDR
  const whole = new Uint8Array(png.length + chunk.length);
  whole.set(png.subarray(0, header));
  whole.set(chunk, header);
  whole.set(png.subarray(header), header + chunk.length);
  return whole;
}

// The checksum of a PNG's chunks: the cyclic redundancy check of ISO 3309 (PNG, Annex D), bit by bit.
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
