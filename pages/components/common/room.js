// How tall the pictures may be. On a lesson's page the figure stays where it is while the words scroll, so all of it has to fit
// into the window: what is not picture is measured, and the pictures get the rest.

const ROOM = {
  narrow: "(max-width: 60rem)", // as page.css: words below the figure, not beside it
  share: 0.45, // of a narrow window's height for the figure
  margin: 40, // above the figure, before anything is scrolled, and below it in a wide window
  least: 96,
  alone: 0.56, // of the window's height, where the player stands on a page that scrolls
};

/** @param {HTMLElement} root the player */
function figureOf(root) {
  const host = /** @type {ShadowRoot} */ (root.getRootNode()).host ?? root;
  const narrow = matchMedia(ROOM.narrow).matches;
  return { box: /** @type {HTMLElement | null} */ (host.closest(narrow ? ".st-key-figure" : ".st-key-left")), narrow };
}

// The height in CSS pixels for the `stage` of this player; `last` is what ends lowest of all that stands below it.
function heightFor(root, stage, last = root) {
  const { box, narrow } = figureOf(root);
  const scrolls = !box || (narrow && box.querySelector(".st-key-board")); // page.css: a sheet to draw on scrolls away with the rest
  if (scrolls) return Math.max(ROOM.least, ROOM.alone * innerHeight);
  const available = narrow ? ROOM.share * innerHeight : innerHeight - ROOM.margin;
  // What stands above the pictures in the figure, and what the player has below them; something tall at their side takes nothing.
  const above = stage.getBoundingClientRect().top - box.getBoundingClientRect().top;
  const below = last.getBoundingClientRect().bottom - stage.getBoundingClientRect().bottom;
  return Math.max(ROOM.least, Math.floor(available - above - below));
}
