// A PNG to take home, made in the browser. It says where it comes from, in the words of core/provenance.py, in a text chunk.

// `about`: what made the picture; the address of the page is added.
function savePng(canvas, about, name) {
  return /** @type {Promise<void>} */ (new Promise((resolve) => {
    canvas.toBlob(async (blob) => {
      const file = withText(new Uint8Array(await blob.arrayBuffer()), "provenance", JSON.stringify({ ...about, link: pageLink() }));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([file], { type: "image/png" }));
      link.download = `${name.replace(/[^\p{L}\p{N}._-]+/gu, "-")}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      resolve();
    }, "image/png");
  }));
}

function pageLink() {
  const address = new URL(location.href);
  address.searchParams.delete("job"); // the settings in the address lead to it
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
