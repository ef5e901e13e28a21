// A page as a handout: figure, prose and every fold, opened. A fold is filled by the server when it is opened, which takes a
// moment; printing by the keyboard waits for that. What is left out on paper says page.css.

const FOLD = '[data-testid="stMain"] [class*="-fold-"] details', FILLED_WITHIN = 20_000; // milliseconds

function printsWhole() {
  document.addEventListener("keydown", (event) => {
    const asked = event.key.toLowerCase() === "p" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    const folds = asked ? [...document.querySelectorAll(FOLD)].filter((fold) => !fold.hasAttribute("open")) : [];
    if (!folds.length) return; // all is there: the browser prints by itself
    event.preventDefault();
    event.stopPropagation();
    openAll(folds).then(() => window.print());
  }, { capture: true });
}

// One after the other: the server fills one at a time.
async function openAll(folds) {
  for (const fold of folds) {
    fold.querySelector("summary").click();
    const until = performance.now() + FILLED_WITHIN;
    while (!filled(fold) && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const filled = (fold) => [...fold.querySelectorAll("p, pre")].some((part) => !part.closest("summary"));
