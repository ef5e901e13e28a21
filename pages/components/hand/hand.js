// The hand follows its place while the page is drawn, scrolled and resized, and goes once that was pressed.

const LOOK_EVERY = 200; // milliseconds

/** @param {{data: {selector: string, text: string}, parentElement: HTMLElement | ShadowRoot}} component */
export default function ({ data, parentElement }) {
  const hand = /** @type {HTMLElement} */ (parentElement.querySelector(".hand")), points = JSON.stringify(data);
  if (hand.dataset.pressed === points) return; // the page's script ran again
  let target = null;
  const pressed = (event) => {
    if (!target || !event.composedPath().includes(target)) return;
    hand.dataset.pressed = points;
    stop();
  };
  const follow = () => {
    if (!target?.isConnected || !seen(target)) target = find(document, data.selector, data.text);
    hand.hidden = !target;
    if (!target) return;
    const { left, top, width, height } = target.getBoundingClientRect();
    const at = target.matches("input[type=range]") ? thumb(target, width) : width / 2; // the hand takes the knob
    hand.style.left = `${left + at - 10}px`;
    hand.style.top = `${top + height / 2 - 2}px`;
  };
  const looking = setInterval(follow, LOOK_EVERY);
  const stop = () => {
    clearInterval(looking);
    hand.hidden = true;
    for (const type of ["pointerdown", "keydown"]) document.removeEventListener(type, pressed, { capture: true });
  };
  for (const type of ["pointerdown", "keydown"]) document.addEventListener(type, pressed, { capture: true });
  follow();
  return stop;
}

function thumb(range, width) {
  const least = Number(range.min) || 0, most = Number(range.max) || 1;
  return (width * (Number(range.value) - least)) / Math.max(most - least, 1e-9);
}

const seen = (element) => element.getClientRects().length > 0;

// The first one that is seen, in the page and in the shadow trees of its components.
function find(root, selector, text) {
  for (const element of root.querySelectorAll(selector)) {
    if (seen(element) && element.textContent.trim().startsWith(text)) return element;
  }
  for (const host of root.querySelectorAll("*")) {
    const found = host.shadowRoot && find(host.shadowRoot, selector, text);
    if (found) return found;
  }
  return null;
}
