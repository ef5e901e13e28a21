// A lesson's small film: one picture of `frames` square ones below each other, of which the style sheet shows one at a time.

/**
 * @param {{strip: string | null, frames: number}} film
 * @param {string} name of the element's class
 */
function filmStrip({ strip, frames }, name) {
  const element = document.createElement("div");
  element.className = name;
  element.style.setProperty("--frames", String(frames));
  element.style.backgroundImage = `url("${strip}")`;
  return element;
}
