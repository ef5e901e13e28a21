"""What browsers do to a page, as scripts that run before it: protections of privacy, older engines, translation."""

from __future__ import annotations

# ---- canvases that lie on read back ------------------------------------------------------------------------

_READ_BACK = """
for (const Kind of [globalThis.CanvasRenderingContext2D, globalThis.OffscreenCanvasRenderingContext2D]) {
  if (!Kind) continue;
  const read = Kind.prototype.getImageData;
  Kind.prototype.getImageData = function (...where) {
    const image = read.apply(this, where);
    for (let i = 0; i < image.data.length; i++) if (i % 4 !== 3) image.data[i] = CHANGED;
    return image;
  };
}
"""
# As with privacy.resistFingerprinting in Firefox: anything at all.
RANDOM_READ_BACK = _READ_BACK.replace("CHANGED", "Math.floor(256 * Math.random())")
# As in Firefox's private windows and in Brave: nearly what was painted.
NOISY_READ_BACK = _READ_BACK.replace("CHANGED", "image.data[i] ^ (Math.random() < 0.1 ? 1 : 0)")

# ---- engines that lack something ---------------------------------------------------------------------------

NO_OFFSCREEN_CANVAS = (
    "delete globalThis.OffscreenCanvas; delete HTMLCanvasElement.prototype.transferControlToOffscreen;"
)
OLDER_SAFARI = (
    NO_OFFSCREEN_CANVAS
    + """
delete Map.groupBy;
delete Object.groupBy;
delete globalThis.DecompressionStream;
delete globalThis.CompressionStream;
delete globalThis.createImageBitmap;
"""
)

# ---- storage that is switched off --------------------------------------------------------------------------

NO_STORAGE = """
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, {
    get() { throw new DOMException("The operation is insecure.", "SecurityError"); },
  });
}
"""

# ---- translation -------------------------------------------------------------------------------------------

# As Chrome's: each text node makes place for two <font> elements, one in the other, with other words in the inner one;
# what comes later is translated too. What says that it is not to be translated is left alone.
TRANSLATES = """() => {
  const translated = new WeakSet();
  const foreign = (text) => text.split("").map((letter) => letter === " " ? " " : letter + "\\u0301").join("");
  const visit = () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    while (walker.nextNode()) found.push(walker.currentNode);
    for (const text of found) {
      const parent = text.parentElement;
      if (!text.data.trim() || translated.has(text) || !parent) continue;
      if (parent.closest("script, style, textarea, noscript, .notranslate, [translate=no]")) continue;
      const outer = document.createElement("font"), inner = document.createElement("font");
      outer.append(inner);
      inner.textContent = foreign(text.data);
      translated.add(inner.firstChild);
      parent.replaceChild(outer, text);
    }
  };
  visit();
  let due = 0; // a moment after the change, as the translation's own server answers
  const soon = () => { clearTimeout(due); due = setTimeout(visit, 30); };
  new MutationObserver(soon).observe(document.body, { childList: true, subtree: true, characterData: true });
  document.documentElement.classList.add("translated-ltr");
}"""
