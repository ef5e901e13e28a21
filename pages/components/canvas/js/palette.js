// The colours to draw with: a radio button each, and behind them one that the student mixes.

const parseColour = (code) => [1, 3, 5].map((i) => parseInt(code.slice(i, i + 2), 16));

/** @param {Plan} plan */
function fillPalette(host, plan, choose) {
  host.replaceChildren(...plan.colours.map(([name, code], i) => {
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: `ink-${plan.identity}`, value: code, checked: i === 0 });
    input.addEventListener("change", () => choose(code));
    return swatch(name, input, code);
  }));
  const input = document.createElement("input"), own = swatch("another colour", input);
  Object.assign(input, { type: "color", value: "#f28123" });
  own.className = "own";
  for (const type of ["input", "click"]) {
    input.addEventListener(type, () => {
      for (const radio of host.querySelectorAll("[type=radio]")) radio.checked = false;
      own.classList.add("chosen");
      choose(input.value);
    });
  }
  host.append(own);
}

function swatch(name, input, code) {
  const label = document.createElement("label");
  label.title = name;
  if (code) label.style.setProperty("--swatch", code);
  input.setAttribute("aria-label", name);
  label.append(input);
  return label;
}
