// Phrases of the prose that set controls, and symbols of the prose that light up what they stand for in the figure.

const LIT = `
  .katex[data-lit] { background: color-mix(in srgb, currentColor 15%, transparent); border-radius: 3px; box-shadow: 0 0 0 2px color-mix(in srgb, currentColor 15%, transparent); }
`;

// Of a symbol that stands alone; a formula of several is not one quantity.
function quantityIn(symbol) {
  const tex = symbol?.querySelector("annotation")?.textContent ?? "";
  return tex.length < 24 && !/[=+]/.test(tex) ? quantityOf(tex) : "";
}

// The preset that is on says so. Its button may be drawn a little later than this.
function press(page, on, signal) {
  const tell = () => {
    for (const button of page.querySelectorAll(".st-key-presets button")) {
      const place = button.closest('[class*="-preset-"]');
      const pressed = on !== "" && [...(place?.classList ?? [])].some((name) => name.endsWith(`-preset-${on.replace(/[^A-Za-z0-9_-]/g, "-")}`));
      button.setAttribute("aria-pressed", String(pressed));
    }
  };
  for (const later of [0, 100, 400, 1200]) {
    const timer = setTimeout(tell, later);
    signal.addEventListener("abort", () => clearTimeout(timer));
  }
}

export default function ({ data, setTriggerValue, parentElement }) {
  const page = parentElement.ownerDocument ?? document;
  const click = (event) => {
    const link = event.target.closest?.('a[href*="#set:"]');
    if (!link) return;
    event.preventDefault();
    const text = decodeURIComponent(link.getAttribute("href").split("#set:")[1]);
    setTriggerValue("set", Object.fromEntries(new URLSearchParams(text)));
  };
  // One listener, whichever of the calls below came last; who goes takes only its own away.
  page.__phrases?.abort();
  const mine = (page.__phrases = new AbortController());
  const { signal } = mine;
  page.addEventListener("click", click, { signal, capture: true });
  press(page, data.on, signal);
  let pointed = "";
  page.addEventListener("pointerover", (event) => {
    const quantity = quantityIn(event.target.closest?.(".katex"));
    if (quantity !== pointed) lightUp((pointed = quantity), page);
  }, { signal });
  page.addEventListener("quantity", (event) => {
    const { quantity } = event.detail;
    for (const symbol of page.querySelectorAll(".st-key-words .katex")) {
      symbol.toggleAttribute("data-lit", quantity !== "" && quantityIn(symbol) === quantity);
    }
  }, { signal });
  const sheet = page.createElement("style");
  sheet.textContent = LIT;
  page.head.append(sheet);
  signal.addEventListener("abort", () => sheet.remove());
  return () => mine.abort();
}
