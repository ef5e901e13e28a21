// A small part of TeX, as MathML for the eye and as plain text for labels, file names and screen readers.

const TEX_LETTERS = {
  alpha: "α", beta: "β", gamma: "γ", delta: "δ", epsilon: "ϵ", varepsilon: "ε", eta: "η", theta: "θ", kappa: "κ",
  lambda: "λ", mu: "μ", nu: "ν", xi: "ξ", pi: "π", rho: "ρ", sigma: "σ", tau: "τ", phi: "ϕ", varphi: "φ", psi: "ψ",
  omega: "ω", Delta: "Δ", Sigma: "Σ", Phi: "Φ", Omega: "Ω", nabla: "∇", partial: "∂", ell: "ℓ", varnothing: "∅",
  infty: "∞",
};
const TEX_SIGNS = {
  cdot: "·", times: "×", odot: "⊙", pm: "±", le: "≤", leq: "≤", ge: "≥", geq: "≥", ne: "≠", approx: "≈", sim: "∼",
  to: "→", mapsto: "↦", leftarrow: "←", gets: "←", lVert: "‖", rVert: "‖", Vert: "‖", "|": "‖", lvert: "|", rvert: "|",
  langle: "⟨", rangle: "⟩", ",": " ", ";": " ", quad: " ", " ": " ", "%": "%",
};
const TEX_ACCENTS = { hat: ["^", "\u0302"], bar: ["¯", "\u0304"], tilde: ["~", "\u0303"], dot: ["˙", "\u0307"], vec: ["→", "\u20d7"] };
const TEX_WORDS = new Set(["text", "mathrm", "mathbf", "operatorname"]);
const TEX_FUNCTIONS = new Set(["log", "ln", "exp", "sin", "cos", "min", "max"]);
const LOWERED = { 0: "₀", 1: "₁", 2: "₂", 3: "₃", 4: "₄", 5: "₅", 6: "₆", 7: "₇", 8: "₈", 9: "₉", t: "ₜ", n: "ₙ", i: "ᵢ", u: "ᵤ", "+": "₊", "-": "₋" };

// The tree: {kind: "letter" | "number" | "sign" | "word" | "group" | "accent" | "root" | "fraction", …, sub, sup}
function parseTex(text) {
  const tokens = text.match(/\\[a-zA-Z]+|\\.|[0-9]+(?:\.[0-9]+)?|\s+|./gu) ?? [];
  let at = 0;
  const skip = () => { while (at < tokens.length && /^\s+$/.test(tokens[at])) at++; };
  const list = (closing) => {
    const items = [];
    for (skip(); at < tokens.length && tokens[at] !== closing; skip()) items.push(scripted());
    at++;
    return { kind: "group", items };
  };
  const words = () => {
    let out = "";
    if (tokens[at] === "{") for (at++; at < tokens.length && tokens[at] !== "}"; at++) out += tokens[at];
    at++;
    return out;
  };
  const atom = () => {
    skip();
    const token = tokens[at++] ?? "";
    if (token === "{") return list("}");
    if (token[0] === "\\") {
      const name = token.slice(1);
      if (name === "left" || name === "right") return atom();
      if (name in TEX_ACCENTS) return { kind: "accent", accent: TEX_ACCENTS[name], base: atom() };
      if (name === "sqrt") return { kind: "root", base: atom() };
      if (name === "frac") return { kind: "fraction", over: atom(), under: atom() };
      if (TEX_WORDS.has(name)) { skip(); return { kind: "word", text: words() }; }
      if (TEX_FUNCTIONS.has(name)) return { kind: "word", text: name };
      if (name in TEX_LETTERS) return { kind: "letter", text: TEX_LETTERS[name] };
      return { kind: "sign", text: TEX_SIGNS[name] ?? name };
    }
    if (/^[0-9]/.test(token)) return { kind: "number", text: token };
    if (/^\p{L}$/u.test(token)) return { kind: "letter", text: token };
    return { kind: "sign", text: token === "-" ? "−" : token };
  };
  const scripted = () => {
    const node = { ...atom() };
    for (skip(); ["_", "^", "'"].includes(tokens[at]); skip()) {
      const mark = tokens[at++];
      node[mark === "_" ? "sub" : "sup"] = mark === "'" ? { kind: "sign", text: "′" } : atom();
    }
    return node;
  };
  return list(undefined);
}

function texToMath(text) {
  const make = (tag, ...children) => {
    const element = document.createElementNS("http://www.w3.org/1998/Math/MathML", tag);
    element.append(...children);
    return element;
  };
  const bare = (node) => {
    switch (node.kind) {
      case "group": return make("mrow", ...node.items.map(build));
      case "accent": {
        const over = make("mover", build(node.base), make("mo", node.accent[0]));
        over.setAttribute("accent", "true");
        return over;
      }
      case "root": return make("msqrt", build(node.base));
      case "fraction": return make("mfrac", build(node.over), build(node.under));
      case "word": return make("mtext", node.text);
      case "number": return make("mn", node.text);
      case "letter": return make("mi", node.text);
      default: return make(/^\s+$/.test(node.text) ? "mtext" : "mo", node.text);
    }
  };
  const build = (node) => {
    if (node.sub && node.sup) return make("msubsup", bare(node), build(node.sub), build(node.sup));
    if (node.sub) return make("msub", bare(node), build(node.sub));
    if (node.sup) return make("msup", bare(node), build(node.sup));
    return bare(node);
  };
  return make("math", build(parseTex(text)));
}

function texToText(text) {
  const plain = (node) => {
    let out;
    if (node.kind === "group") out = node.items.map(plain).join("");
    else if (node.kind === "accent") out = plain(node.base) + node.accent[1];
    else if (node.kind === "root") out = `√${plain(node.base)}`;
    else if (node.kind === "fraction") out = `${plain(node.over)}/${plain(node.under)}`;
    else out = node.text;
    if (node.sub) {
      const sub = plain(node.sub);
      out += [...sub].every((c) => c in LOWERED) ? [...sub].map((c) => LOWERED[c]).join("") : `_${sub}`;
    }
    return node.sup ? `${out}${node.sup.text === "′" ? "′" : `^${plain(node.sup)}`}` : out;
  };
  return plain(parseTex(text));
}
