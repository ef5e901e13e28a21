// An open popover hangs on its button. Where the page grows above it, as when a run ends, the button would take it out of the
// window. Browsers keep in place what one looks at, but not at the top of a page, and Safari nowhere.

const POPOVER_OPEN = '[data-testid="stPopoverButton"][aria-expanded="true"]';

function keepsPopoversInPlace() {
  let button = null, top = 0; // the open popover's button, and where it stands on the screen
  const note = () => {
    button = document.querySelector(POPOVER_OPEN);
    top = button?.getBoundingClientRect().top ?? 0;
  };
  for (const type of ["click", "keyup", "scroll"]) { // by hand: then it is to be where it is
    document.addEventListener(type, () => requestAnimationFrame(note), { capture: true, passive: true });
  }
  const grown = new ResizeObserver(() => {
    if (button?.isConnected && button.matches(POPOVER_OPEN)) {
      const moved = button.getBoundingClientRect().top - top;
      if (Math.abs(moved) >= 1) button.closest('[data-testid="stMain"]')?.scrollBy({ top: moved, behavior: "instant" });
    }
    note();
  });
  let watched = null; // Streamlit makes the page's block anew with another page
  new MutationObserver(() => {
    const block = document.querySelector('[data-testid="stMainBlockContainer"]');
    if (block === watched) return;
    grown.disconnect();
    if ((watched = block)) grown.observe(block);
  }).observe(document.body, { childList: true, subtree: true });
}
