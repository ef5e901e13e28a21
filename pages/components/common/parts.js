// What Python sends as bytes begins with parts: the length of a text in four bytes, little end first, and the text, JSON in UTF-8.

/**
 * @param {Uint8Array} bytes
 * @param {number} offset where the part begins
 * @returns {[any, number]} what the text says, and where the next part begins
 */
function readPart(bytes, offset) {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 4);
  const length = view.getUint32(0, true);
  const text = new TextDecoder().decode(bytes.subarray(offset + 4, offset + 4 + length));
  return [JSON.parse(text), offset + 4 + length];
}
