// Some browsers protect their users from being recognised: what a page reads back from a canvas, or saves of it, is not what
// it has painted there. On the screen all is right; a file would hold noise that looks like a result.

const READBACK_CHANGED = "This browser changes a picture that a page has painted before it hands it over (a protection of your "
  + "privacy: Firefox with resistFingerprinting or in private windows, Brave), so the file would not hold what you see. "
  + "Nothing was saved. “Take it home” gives the exact picture of a run; or allow this site to extract canvas data.";

// Whether a canvas gives back what was painted, tried on one that nobody sees. No evenly coloured one: that may be spared.
function readsBackExactly() {
  const side = 64, canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const context = canvas.getContext("2d", { willReadFrequently: true }), image = context.createImageData(side, side);
  for (let i = 0, value = 1; i < image.data.length; i++) {
    value = (value * 75 + 74) % 65537; // a plain congruential generator
    image.data[i] = i % 4 === 3 ? 255 : value >> 8;
  }
  context.putImageData(image, 0, 0);
  const found = context.getImageData(0, 0, side, side).data;
  return found.every((value, i) => value === image.data[i]);
}
