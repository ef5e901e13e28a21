// What a figure shows besides its pictures, and how the height is shared: chips for the quantities and for the step's other views,
// which are its sum, its curves and its numbers.

const VIEWS = { sum: "the sum", charts: "curves", numbers: "numbers" }; // beside the pictures: each a part of the figure

class Figure {
  constructor(player) {
    this.player = player;
    this.shown = new Map(); // row name -> visible, as the student left it
    this.views = new Map(); // the same of VIEWS
    this.sum = new Sum(player.part("sum"));
    this.cells = [];
  }

  show(film) {
    this.chips();
    this.numbers();
    this.sum.show(film, film.strip_sample);
  }

  draw(frame) {
    this.sum.draw(frame);
    for (const { value, values, format } of this.cells) {
      value.textContent = values[frame] === null ? "–" : format(values[frame]);
    }
  }

  rows() {
    const rows = this.player.film.rows.filter((row) => this.shown.get(row.name) ?? row.shown);
    return rows.length ? rows : [this.player.film.rows[0]];
  }

  // Which of VIEWS this film has anything for.
  available() {
    const { terms, curves, numbers, formula } = this.player.film;
    return { sum: terms.length > 1, charts: curves.length > 0, numbers: numbers.length > 0 || Boolean(formula) };
  }

  // The pictures take what the rest of the figure leaves; what may be hidden is shown of itself where it takes nothing from them.
  fit(width) {
    const { film } = this.player, stage = this.player.part("stage");
    const { box, narrow } = figureOf(this.player.root);
    const views = this.available();
    const show = (view, on) => { this.player.part(view).hidden = !on; };
    for (const view of Object.keys(views)) show(view, false);
    const build = (less = 0) => this.player.stage.show(film, this.rows(), width, heightFor(this.player.root, stage) - less, this.player.frame);
    stage.style.maxHeight = "";
    const asked = (view) => this.views.get(view) ?? (narrow ? false : film.open.includes(view) || (!box && view !== "sum"));
    for (const view of Object.keys(views)) show(view, views[view] && asked(view));
    build();
    const size = this.player.stage.size;
    for (const view of Object.keys(views)) {
      if (!views[view] || this.views.has(view) || asked(view) || narrow || !box) continue;
      show(view, true);
      build();
      if (this.player.stage.size < size) {
        show(view, false);
        build();
      }
    }
    for (let tries = 0, less = 0, last = Infinity; tries < 5; tries++) { // labels of several lines, which the plan has not foreseen
      const over = stage.offsetHeight - heightFor(this.player.root, stage);
      if (over <= 1 || over > last) break; // smaller pictures may have higher labels
      build(less += last = over);
    }
    const most = heightFor(this.player.root, stage);
    const { charts, timeline } = this.player;
    if (box && !narrow && timeline.grow(most - stage.offsetHeight)) charts.show(film, timeline.scale); // below it, step by step
    if (stage.offsetHeight > most + 1) stage.style.maxHeight = `${most}px`; // the smallest that can be seen do not fit: scrolled
    if (stage.scrollHeight > stage.clientHeight + 1) stage.tabIndex = 0; // by keys too
    else stage.removeAttribute("tabindex");
    for (const chip of this.player.part("chips").querySelectorAll("[data-view]")) {
      chip.setAttribute("aria-pressed", String(!this.player.part(chip.dataset.view).hidden));
    }
  }

  // What the figure shows: a chip for every quantity, and one for each other view of the step.
  chips() {
    const host = this.player.part("chips"), film = this.player.film;
    const quantities = new Map();
    for (const row of film.rows) { // right and wrong rows of a quantity share a chip
      quantities.set(row.label, [...(quantities.get(row.label) ?? []), row]);
    }
    const simple = quantities.size <= 3 && film.rows.every((row) => row.shown);
    const quantityChips = simple ? [] : [...quantities].map(([label, rows]) => {
      const on = rows.some((row) => this.rows().includes(row));
      const words = rows.length === 1 ? rows[0].caption : "";
      const chip = this.chip(words || texToText(label), on, () => { for (const row of rows) this.shown.set(row.name, !on); });
      chip.append(texToMath(label));
      chip.dataset.row = rows[0].name;
      return markQuantity(chip, label);
    });
    const there = this.available();
    const views = Object.entries(VIEWS).filter(([view]) => there[view]).map(([view, words]) => {
      const named = view === "numbers" && !film.numbers.length ? "formula" : words; // there may be no more than that
      const chip = this.chip(named, false, () => this.views.set(view, this.player.part(view).hidden));
      chip.textContent = named;
      chip.dataset.view = view;
      return chip;
    });
    host.hidden = !quantityChips.length && !views.length;
    const hint = document.createElement("span");
    hint.className = "hint";
    hint.textContent = "Show";
    host.replaceChildren(hint, ...quantityChips, ...views);
  }

  chip(words, on, change) {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = "chip";
    chip.title = words;
    chip.setAttribute("aria-label", `Show ${words}`);
    chip.setAttribute("aria-pressed", String(on));
    chip.addEventListener("click", () => {
      const which = chip.dataset.row ? `[data-row="${CSS.escape(chip.dataset.row)}"]` : `[data-view="${chip.dataset.view}"]`;
      change();
      this.player.layout();
      this.player.part("chips").querySelector(which).focus();
    });
    return chip;
  }

  numbers() {
    const { numbers, formula } = this.player.film;
    this.player.part("formula").replaceChildren(...(formula ? [texToMath(formula)] : []));
    this.cells = [];
    this.player.part("terms").replaceChildren(...numbers.map(({ symbol, meaning, values }) => {
      const line = document.createElement("tr");
      const name = document.createElement("th"), value = document.createElement("td"), words = document.createElement("td");
      name.scope = "row";
      name.append(texToMath(symbol));
      name.setAttribute("aria-label", texToText(symbol)); // a formula alone counts as no text
      value.className = "value";
      words.className = "words";
      words.textContent = meaning;
      line.append(name, value, words);
      markQuantity(line, symbol);
      this.cells.push({ value, values, format: formatter(values) });
      return line;
    }));
  }
}
