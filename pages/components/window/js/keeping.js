// "keep" on any picture: a component says what it shows by the event "keep-picture", and it goes into the collection. Whatever
// answers "picture-asked" gets a button of its own under the pointer; pictures of Streamlit's get one too.

const LEAST_KEPT = 56; // CSS pixels: below it a button would cover the picture
const NOTICE_FOR = 5000; // milliseconds

const keeping = { page: "", pages: {} }; // of the page that is shown

/**
 * @typedef {object} Offer
 * @property {HTMLCanvasElement} [canvas] what is to be kept,
 * @property {Uint8Array<ArrayBuffer>} [png] ... or its file
 * @property {object} [about] what made it
 * @property {string[]} [steps] which are shown
 * @property {string} title
 * @property {number | null} [frame] where the player stands that the address speaks of
 * @property {HTMLElement | null} [host] the dialog that is open: what lies outside of it cannot be pressed
 */

// Once for the document.
function keepsPictures() {
  document.addEventListener("keep-picture", (event) => { keepPicture(/** @type {CustomEvent} */ (event).detail); });
  const button = Object.assign(document.createElement("button"), { id: "keep-this", type: "button", hidden: true, textContent: "keep" });
  button.title = "Keep this picture in your collection";
  button.tabIndex = -1; // "keep" below the pictures is for keys
  document.body.append(styled(BUTTON_STYLE), button);
  /** @type {(() => Offer | Promise<Offer>) | null} */
  let offered = null;
  let under = null; // what the pointer is on
  const hide = () => { button.hidden = true; offered = under = null; };
  document.addEventListener("pointermove", (event) => { // pointerover does not leave a component's shadow
    const target = event.composedPath()[0];
    if (target === button || target === under) return;
    hide();
    under = target;
    const offer = target instanceof Element && event.pointerType === "mouse" ? offerOf(target) : null;
    if (!offer) return;
    const box = /** @type {Element} */ (target).getBoundingClientRect();
    if (Math.min(box.width, box.height) < LEAST_KEPT) return;
    offered = offer;
    button.hidden = false;
    button.style.top = `${box.top + 4}px`;
    button.style.left = `${box.right - 4 - button.offsetWidth}px`;
  });
  for (const type of ["scroll", "wheel", "keydown"]) document.addEventListener(type, hide, { capture: true, passive: true });
  button.addEventListener("click", async (event) => {
    event.stopPropagation();
    const offer = offered;
    if (offer) await keepPicture(await offer());
  });
}

/** @returns {(() => Offer | Promise<Offer>) | null} */
function offerOf(target) {
  const detail = { offer: null };
  target.dispatchEvent(new CustomEvent("picture-asked", { detail, bubbles: true, composed: true }));
  if (detail.offer) return detail.offer;
  const image = target.matches('[data-testid="stImage"] img') ? /** @type {HTMLImageElement} */ (target) : null;
  return image && (async () => ({ png: new Uint8Array(await (await fetch(image.src)).arrayBuffer()), title: image.alt }));
}

/** @param {Offer} offer */
async function keepPicture({ canvas, png, about = {}, steps = [], title, frame = null, host = null }) {
  const say = (words, kept = null) => tellKept(words, kept, host);
  const link = pageLink(frame);
  try {
    if (canvas && !readsBackExactly()) return say(READBACK_CHANGED.replace("Nothing was saved.", "Nothing was kept."));
    const code = keeping.pages[keeping.page] ?? "";
    const origin = { lesson: document.title, ...about, steps };
    const file = canvas ? await pngFile(canvas, origin, link) : withOrigin(png, origin, link);
    const kept = { id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, at: Date.now(), png: file, about: origin, steps, code, title, link, caption: "", task: null };
    if (!isKept(kept)) throw new Error("the browser made no PNG of it");
    await collection.put(COLLECTION.pictures, kept);
    navigator.storage?.persist?.().catch((error) => console.debug("collection:", error)); // asked: not to be tidied away
    say(collection.blocked ? `Kept. ${STORAGE_BLOCKED}` : "Kept in your collection.", kept);
  } catch (error) {
    say(error instanceof Full ? error.message : `The picture was not kept: ${error.message}. Save it as a file instead.`);
  }
}

// Above everything. `kept`: what is to be seen in it, with the way to the collection.
const shownNotice = { box: null, hiding: 0 };
function tellKept(words, kept = null, host = null) {
  const box = (shownNotice.box ??= Object.assign(document.createElement("div"), { id: "kept-notice", popover: "manual" }));
  box.setAttribute("role", "status");
  (host ?? document.body).append(box);
  const text = Object.assign(document.createElement("span"), { textContent: words });
  box.replaceChildren(styled(NOTICE_STYLE), text);
  if (kept) {
    const picture = Object.assign(document.createElement("img"), { src: URL.createObjectURL(new Blob([kept.png], { type: "image/png" })), alt: kept.title });
    picture.addEventListener("load", () => URL.revokeObjectURL(picture.src));
    const way = Object.assign(document.createElement("button"), { type: "button", textContent: "Open the collection" });
    way.addEventListener("click", () => { leaveNotice(box); toCollection(); });
    text.before(picture);
    box.append(way);
  }
  leaveNotice(box); // shown again: on top of what was opened since
  box.showPopover();
  clearTimeout(shownNotice.hiding);
  shownNotice.hiding = setTimeout(() => leaveNotice(box), kept ? NOTICE_FOR : 3 * NOTICE_FOR);
}

function leaveNotice(box) {
  if (box.matches(":popover-open")) box.hidePopover();
}

// By the menu, so that the session stays.
function toCollection() {
  const open = document.querySelector('[data-testid="stSidebarNavLink"][href$="/collection"]');
  document.dispatchEvent(new Event("pictures-left")); // an enlarged picture closes
  if (open instanceof HTMLElement) open.click();
  else location.href = new URL("collection", location.href).href;
}

const styled = (rules) => Object.assign(document.createElement("style"), { textContent: rules });

const BUTTON_STYLE = `
  #keep-this { position: fixed; z-index: 90; padding: .1rem .55rem; border: 0; border-radius: 999px; font: inherit; font-size: .8125rem;
    line-height: 1.5; cursor: pointer; color: #fff; background: rgb(0 0 0 / .72); }
  #keep-this:hover { background: #0a5ca8; }
  #keep-this[hidden] { display: none; }
  @media print { #keep-this { display: none !important; } }`;
const NOTICE_STYLE = ` /* in the box itself, which may lie in a component's shadow */
  #kept-notice { inset: auto 1.25rem 1.25rem auto; margin: 0; width: fit-content; max-width: min(30rem, calc(100vw - 2.5rem)); border: 0;
    padding: .6rem .9rem; border-radius: 8px; font: inherit; font-size: 1rem; line-height: 1.4; color: #fff; background: #1f2430;
    box-shadow: 0 2px 14px rgb(0 0 0 / .4); box-sizing: border-box; }
  #kept-notice:popover-open { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem .8rem; }
  #kept-notice img { height: 44px; max-width: 120px; object-fit: contain; image-rendering: pixelated; }
  #kept-notice button { flex: none; padding: .25rem .8rem; border: 1px solid rgb(255 255 255 / .5); border-radius: 999px; font: inherit;
    color: inherit; background: none; cursor: pointer; }
  #kept-notice button:hover { background: rgb(255 255 255 / .15); }
  @media print { #kept-notice { display: none !important; } }`;
