// Within a player: marks what stands for a quantity, points it out to the page, and lights up what the page points at.

function markQuantity(element, tex) {
  const quantity = quantityOf(tex);
  if (quantity) element.dataset.quantity = quantity;
  return element;
}

// Points at whatever the pointer or the focus is on, within `root`.
function linkQuantities(root, signal) {
  const show = (quantity) => {
    root.dataset.lit = quantity;
    for (const element of root.querySelectorAll("[data-quantity]")) {
      element.classList.toggle("lit", quantity !== "" && element.dataset.quantity === quantity);
    }
  };
  const light = (quantity) => {
    if (root.dataset.lit === quantity) return;
    show(quantity);
    lightUp(quantity, root);
  };
  const of = (event) => event.target.closest?.("[data-quantity]")?.dataset.quantity ?? "";
  for (const type of ["pointerover", "focusin"]) root.addEventListener(type, (event) => light(of(event)), { signal });
  for (const type of ["pointerleave", "focusout"]) root.addEventListener(type, () => light(""), { signal });
  document.addEventListener("quantity", (event) => {
    const { quantity, from } = /** @type {CustomEvent} */ (event).detail;
    if (from !== root) show(quantity);
  }, { signal });
}
