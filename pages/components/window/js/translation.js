// Machine translation puts <font> elements in the place of text nodes. Streamlit's library keeps hold of the nodes that it
// made: it goes on writing into them, where nobody sees it, and fails when it takes them out. Here each such node goes back
// to its place before it is moved or taken out, and after it was written; the translation then begins with the new words.

const UNTRANSLATED = "code, pre, .katex"; // formulas and programs mean the same in every language

function survivesTranslation() {
  const stands = new WeakMap(); // text node -> the <font> that stands in its place
  const used = new WeakSet();
  const { appendChild, insertBefore, removeChild, replaceChild } = Node.prototype;

  const back = (node) => {
    const font = stands.get(node);
    if (!font) return;
    stands.delete(node);
    if (font.parentNode) replaceChild.call(font.parentNode, node, font);
  };
  const written = new MutationObserver((changes) => changes.forEach(({ target }) => back(target)));
  const changed = new MutationObserver((changes) => {
    for (const { addedNodes, removedNodes, previousSibling, nextSibling } of changes) {
      for (const node of addedNodes) keepAsItIs(node);
      for (const text of removedNodes) {
        if (text.nodeType !== Node.TEXT_NODE || stands.has(text)) continue;
        const font = [...addedNodes, previousSibling, nextSibling].find((node) => node?.nodeName === "FONT" && !used.has(node));
        if (!font?.parentNode) continue;
        used.add(font);
        stands.set(text, font);
        written.observe(text, { characterData: true });
      }
    }
  });
  keepAsItIs(document.body);
  changed.observe(document.body, { childList: true, subtree: true });

  const first = (method, ...which) => function (...nodes) {
    if (stands.get(nodes[0]) === nodes[1]) stands.delete(nodes[0]); // the translation itself is taken back
    for (const k of which) if (nodes[k]) back(nodes[k]);
    return method.apply(this, nodes);
  };
  Object.assign(Node.prototype, {
    appendChild: first(appendChild, 0), insertBefore: first(insertBefore, 0, 1),
    removeChild: first(removeChild, 0), replaceChild: first(replaceChild, 0, 1),
  });
}

function keepAsItIs(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return;
  const inside = node.matches(UNTRANSLATED) ? [node] : node.querySelectorAll(UNTRANSLATED);
  for (const element of inside) element.setAttribute("translate", "no");
}
