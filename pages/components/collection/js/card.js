// One kept picture on the page: seen, described, captioned, put to a task, taken out.

const SAVE_AFTER = 400; // milliseconds without a key

function listOf(facts) {
  const list = document.createElement("dl");
  for (const [name, value] of facts) {
    list.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: value, title: value }));
  }
  return list;
}

class Card {
  /** @param {Kept} kept */
  constructor(kept, page) {
    this.kept = kept;
    this.page = page;
    this.element = document.createElement("article");
    this.element.className = "card";
    this.element.dataset.kept = kept.id;
    this.address = URL.createObjectURL(new Blob([kept.png], { type: "image/png" }));
    const picture = Object.assign(document.createElement("img"), { src: this.address, alt: [lessonOf(kept), kept.title, ...kept.steps].join(", ") });
    const figure = document.createElement("figure");
    figure.append(picture);
    const heading = Object.assign(document.createElement("h3"), { textContent: lessonOf(kept) });
    if (kept.title) heading.append(Object.assign(document.createElement("span"), { className: "title", textContent: ` ${kept.title}` }));
    this.element.append(figure, heading, listOf(factsOf(kept)), this.captionBox(), this.taskBox(), this.acts());
  }

  captionBox() {
    this.caption = Object.assign(document.createElement("textarea"), { value: this.kept.caption, placeholder: "Your caption" });
    this.caption.setAttribute("aria-label", "Caption");
    this.caption.addEventListener("input", () => {
      clearTimeout(this.saving);
      this.unsaved = true;
      this.saving = setTimeout(() => this.flush(), SAVE_AFTER);
    });
    this.caption.addEventListener("change", () => this.flush());
    return this.caption;
  }

  // What was typed is kept, also when the page is left.
  flush() {
    clearTimeout(this.saving);
    if (!this.unsaved) return;
    this.unsaved = false;
    this.change({ caption: this.caption.value });
  }

  taskBox() {
    this.tasks = document.createElement("select");
    this.tasks.addEventListener("change", () => this.change({ task: this.tasks.value }));
    const label = document.createElement("label");
    label.append("For", this.tasks);
    return label;
  }

  acts() {
    const acts = document.createElement("div");
    acts.className = "acts";
    const way = Object.assign(document.createElement("a"), { href: this.kept.link, textContent: "Open it in the lesson" });
    const act = (words, does) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: words });
      button.addEventListener("click", does);
      return button;
    };
    acts.append(way, act("save PNG", () => saveFile(this.kept.png, "image/png", `${fileName(`${this.kept.code} ${this.kept.title}`)}.png`)),
      act("take out", () => this.page.takeOut(this.kept)));
    return acts;
  }

  async change(what) {
    const changed = { ...this.kept, ...what };
    await this.page.trying(() => collection.put(COLLECTION.pictures, changed));
  }

  // What another tab may have changed, and the tasks that there are now.
  show(kept, tasks, task) {
    this.kept = kept;
    if (!this.unsaved && this.page.focused() !== this.caption) this.caption.value = kept.caption;
    const options = [new Option("no task", ""), ...tasks.map(({ id, lesson, text }) => new Option(`${lesson} ${text}`, id))];
    this.tasks.replaceChildren(...options);
    this.tasks.value = task ?? "";
  }

  leave() {
    this.flush();
    URL.revokeObjectURL(this.address);
    this.element.remove();
  }
}
