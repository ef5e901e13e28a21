// Elements of a drawing.

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} tag
 * @param {object} [attributes]
 * @param {string} [text]
 */
function svg(tag, attributes = {}, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}
