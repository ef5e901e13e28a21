// Which quantity a symbol in TeX stands for, so that it can be lit wherever it stands: in pictures, sums, numbers, curves and
// prose. Components tell each other by the event "quantity" on the document.

/** @type {[string, RegExp][]} */
const QUANTITIES = [ // the first whose pattern the symbol holds
  ["estimate", /\\hat\{x\}|\\hat\s*x|c_0|D_/],
  ["noise", /varepsilon|\\epsilon|1-\\bar/],
  ["noisy", /x_\{?t|^x$|^z$|\\bar\{\\alpha\}|\\bar\\alpha|c_t/],
  ["fresh", /\\sigma/],
  ["velocity", /^u|v_|\\hat\{u\}/],
];

/** @param {string} tex */
const quantityOf = (tex) => QUANTITIES.find(([, pattern]) => pattern.test(tex))?.[0] ?? "";

function lightUp(quantity, from) {
  document.dispatchEvent(new CustomEvent("quantity", { detail: { quantity, from } }));
}
