// The update as pictures that add up: the next picture is a weighted sum of this step's, each with its number. What adds
// nothing at a step is faint there; where the first term is all there is, words say so in place of the rest.

class Sum {
  constructor(host) {
    this.host = host;
  }

  // The first term is what the others add up to; `weight` names the number in front of a term.
  show(film, sample) {
    this.film = film;
    this.sample = Math.min(sample, film.batch - 1);
    const rowOf = (term) => film.rows.find((row) => row.name === term.row);
    const terms = (film.terms ?? []).filter(rowOf);
    this.parts = terms.map((term, i) => {
      const row = rowOf(term), part = document.createElement("span"), canvas = document.createElement("canvas");
      const figure = document.createElement("span"), name = document.createElement("span"), weight = document.createElement("span");
      part.className = "part";
      figure.className = "summand";
      weight.className = "weight";
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", term.meaning);
      figure.title = term.meaning;
      name.className = "name";
      name.append(texToMath(term.label));
      figure.append(canvas, name);
      const sign = document.createElement("span");
      sign.className = "sign";
      sign.textContent = i === 0 ? "=" : "+";
      part.append(...(i === 0 ? [figure, sign] : [...(i > 1 ? [sign] : []), weight, figure]));
      markQuantity(part, term.label);
      const valuesOf = (wanted) => film.numbers.find(({ symbol }) => symbol === wanted)?.values;
      return { term, row, canvas, weight, values: valuesOf(term.weight), amounts: valuesOf(term.weight || term.within), part };
    });
    this.ending = document.createElement("span");
    this.ending.className = "ending";
    this.ending.textContent = "This step takes the estimate as it is, and adds nothing.";
    this.host.replaceChildren(...this.parts.map(({ part }) => part), this.ending);
  }

  draw(frame) {
    if (this.host.hidden) return;
    const last = frame + 1 >= this.film.count;
    for (const { term, row, canvas, weight, values, amounts, part } of this.parts) {
      const at = Math.min(frame + term.ahead, this.film.count - 1);
      paint(canvas, this.film, last && term.ahead ? this.film.rows.find((r) => r.name === term.last) ?? row : row, at, this.sample);
      part.classList.toggle("absent", amounts !== undefined && Math.abs(amounts[frame] ?? 0) < 0.005);
      if (values) weight.textContent = values[frame] === null ? "0 ·" : `${values[frame].toFixed(2)} ·`;
    }
    const others = this.parts.slice(2).map(({ part }) => part); // after what they add up to, and the first of them
    const over = others.length > 0 && others.every((part) => part.classList.contains("absent"));
    this.host.classList.toggle("over", over);
    this.ending.hidden = !over;
    if (over) Object.assign(this.ending.style, { left: `${others[0].offsetLeft}px`, top: `${others[0].offsetTop}px` });
  }
}
