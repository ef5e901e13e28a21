// Phrases of the prose that set controls, and symbols of the prose that light up what they stand for in the figure.

const LIT = `
  .katex [data-lit], .katex[data-lit] { background: color-mix(in srgb, currentColor 15%, transparent); border-radius: 3px; box-shadow: 0 0 0 2px color-mix(in srgb, currentColor 15%, transparent); }
  ::highlight(quantity) { background-color: rgb(255 190 0 / .38); }
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

// Every place of the words that stands for the quantity: symbols that stand alone, those of formulas, names in code.
function light(page, quantity) {
  for (const formula of page.querySelectorAll(".st-key-words .katex")) {
    const alone = quantity !== "" && quantityIn(formula) === quantity;
    formula.toggleAttribute("data-lit", alone);
    for (const symbol of symbolsIn(formula)) symbol.toggleAttribute("data-lit", !alone && quantityOfSymbol(symbol) === quantity);
  }
  const ranges = [...page.querySelectorAll(".st-key-words pre code")].flatMap((code) => [...rangesIn(code, quantity)]);
  CSS.highlights?.set("quantity", new Highlight(...ranges));
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
  const point = (quantity) => { if (quantity !== pointed) lightUp((pointed = quantity), page); };
  page.addEventListener("pointerover", (event) => {
    const formula = event.target.closest?.(".katex"), symbol = symbolAt(event.target);
    if (!event.target.closest?.("pre")) point(symbol ? quantityOfSymbol(symbol) : quantityIn(formula));
  }, { signal });
  page.addEventListener("pointermove", (event) => {
    if (event.target.closest?.("pre")) point(quantityOfWord(event.clientX, event.clientY));
  }, { signal });
  page.addEventListener("quantity", (event) => light(page, event.detail.quantity), { signal });
  const sheet = page.createElement("style");
  sheet.textContent = LIT;
  page.head.append(sheet);
  signal.addEventListener("abort", () => { sheet.remove(); CSS.highlights?.delete("quantity"); });
  return () => mine.abort();
}
