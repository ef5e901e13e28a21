// What Python sends: the description of a canvas, the picture below, and what is laid down.

/**
 * The bytes that drawing.py packs: uint32 length, JSON, the picture below (RGB), the start.
 * What it says of a canvas; of `held` and `refused`, the tags of drawings.
 * @typedef {object} Plan
 * @property {"colour" | "grey" | "mask"} mode
 * @property {number} width in pixels of the result
 * @property {number} height
 * @property {1 | 3} channels
 * @property {number} fine pixels of the canvas for one of the result, along each side
 * @property {number} paper
 * @property {string} identity
 * @property {boolean} under whether a picture lies below
 * @property {boolean} start whether there is something to lay down
 * @property {string} key
 * @property {number} turn
 * @property {number} brush in pixels of the result
 * @property {[string, string][]} colours names and codes of the palette
 * @property {"use" | "rest"} send
 * @property {string} useLabel
 * @property {string} label
 * @property {number} maxSide in CSS pixels
 * @property {string | null} held
 * @property {string | null} refused
 * @property {number} refusals
 *
 * @param {Uint8Array} bytes
 * @returns {{plan: Plan, under: Uint8Array | null, start: Uint8Array | null}}
 */
function readPlan(bytes) {
  const [plan, at] = readPart(bytes, 0);
  const pixels = plan.width * plan.height, then = at + (plan.under ? 3 * pixels : 0);
  return {
    plan,
    under: plan.under ? bytes.slice(at, then) : null,
    start: plan.start ? bytes.slice(then, then + pixels * plan.channels) : null,
  };
}
