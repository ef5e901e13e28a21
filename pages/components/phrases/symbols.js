// What stands for a quantity in formulas as KaTeX has drawn them, and in code.

/** @type {[string, RegExp][]} */
const DRAWN = [ // what a symbol reads, accents behind their letters: x̂₀ is "x^0"
  ["estimate", /^x\^[\w,′]{0,3}$/],
  ["noise", /^[εϵ]\^?[\wθ,]{0,3}$/],
  ["noisy", /^xt[′+−1]{0,2}$/],
  ["fresh", /^σ\w?$/],
  ["velocity", /^u\^?[\wθ∗]{0,2}$/],
];

/** @type {[string, RegExp][]} */
const WRITTEN = [
  ["estimate", /\bclean_hat\b/g],
  ["noise", /\beps\b/g],
  ["noisy", /\bx_t\b/g],
  ["fresh", /\bsigma\b/g],
  ["velocity", /\bvelocity\b/g],
];

const read = (symbol) => symbol.textContent.replace(/[\s\u200b]/g, "");

// The whole symbol around a piece of it: with its accent and its subscript.
function symbolAt(piece) {
  let found = null;
  for (let at = piece?.closest?.(".mord"); at?.closest(".katex-html"); at = at.parentElement?.closest(".mord")) {
    if (DRAWN.some(([, pattern]) => pattern.test(read(at)))) found = at;
  }
  return found;
}

const quantityOfSymbol = (symbol) => DRAWN.find(([, pattern]) => pattern.test(read(symbol)))?.[0] ?? "";

function* symbolsIn(formula) {
  for (const piece of formula.querySelectorAll(".katex-html .mord")) {
    if (symbolAt(piece) === piece) yield piece;
  }
}

// Where the code names a quantity. Marked as ranges: the page's text nodes are React's.
function* rangesIn(code, quantity) {
  const pattern = WRITTEN.find(([name]) => name === quantity)?.[1];
  if (!pattern) return;
  const nodes = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const node = /** @type {Text} */ (nodes.currentNode);
    for (const match of node.data.matchAll(pattern)) {
      const range = new Range();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      yield range;
    }
  }
}

// Of the word of code under the pointer.
function quantityOfWord(x, y) {
  const at = document.caretPositionFromPoint?.(x, y);
  const node = at?.offsetNode;
  if (!(node instanceof Text)) return "";
  const over = ([, pattern]) => [...node.data.matchAll(pattern)].some((match) => match.index <= at.offset && at.offset <= match.index + match[0].length);
  return WRITTEN.find(over)?.[0] ?? "";
}
