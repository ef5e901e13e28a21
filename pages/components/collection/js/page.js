// The page of what was kept. Everything is read from the browser's storage, and written there.

const KEPT_HERE = "What you keep stays in this browser, on this device, and outlives a restart; the server has none of it. Clearing the "
  + "browser's data takes it away, and some browsers tidy up after weeks without a visit: export what you mean to hand in.";
const pagesOfKept = new WeakMap();

class CollectionPage {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`.${name}`);
    /** @type {Map<string, Card>} */
    this.cards = new Map();
    this.stopper = new AbortController();
    const { signal } = this.stopper;
    const on = (target, type, action) => target.addEventListener(type, action, { signal });
    const click = (name, action) => on(this.part(name), "click", action);
    click("as-html", () => this.exporting("as-html", "Making the web page …", async () => saveFile(await webPage(this.whole()), "text/html", this.named("html"))));
    click("as-pdf", () => this.exporting("as-pdf", "Making the PDF …", async () => this.fetched("pdf", await handout(this.whole()), "application/pdf", "pdf")));
    click("as-notebooks", () => this.exporting("as-notebooks", "Making the notebooks …", () => this.notebooks()));
    click("every-notebook", () => this.exporting("every-notebook", "Making the notebooks …", () => this.fetched("notebooks", undefined, "application/zip", "zip", "all-lessons")));
    click("course", () => this.trying(async () => { await collection.put(COLLECTION.notes, null, "tasks"); }));
    on(this.part("load").querySelector("input"), "change", ({ target }) => this.load(target));
    for (const name of ["title", "author"]) on(this.part(name), "change", () => this.trying(() => collection.put(COLLECTION.notes, this.part(name).value, name)));
    on(document, "collection-changed", () => this.refresh());
    if (collection.channel) on(collection.channel, "message", () => this.refresh());
    on(document, "visibilitychange", () => { if (document.hidden) this.flush(); });
    on(window, "pagehide", () => this.flush());
  }

  update(data) {
    this.data = data;
    this.refresh();
  }

  focused() { return /** @type {ShadowRoot} */ (this.root.getRootNode()).activeElement; }

  async refresh() {
    this.again = this.reading;
    if (this.reading) return; // one reading after the other, the last of the newest
    this.reading = true;
    await this.trying(() => this.read());
    this.reading = false;
    if (this.again) this.refresh();
  }

  async read() {
    const { kept, broken } = await collection.all();
    const [list, title, author] = await Promise.all(["tasks", "title", "author"].map((name) => collection.note(name)));
    this.kept = kept;
    const usable = areTasks(list);
    this.list = usable ? list : this.data.tasks;
    for (const [name, value] of [["title", title], ["author", author]]) {
      if (this.focused() !== this.part(name) && typeof value === "string") this.part(name).value = value;
    }
    const said = list && !usable ? ["The tasks that were loaded here can no longer be read, so the course’s own are shown: load the file again."] : [];
    this.say(said, broken);
    this.draw();
  }

  draw() {
    const { tasks, title } = this.list, of = (this.of = assigned(this.kept, tasks));
    const place = new Map([...of].flatMap(([id, pictures]) => pictures.map((one) => [one.id, id])));
    this.part("where").textContent = collection.blocked ? STORAGE_BLOCKED : KEPT_HERE;
    for (const [id, card] of this.cards) {
      if (this.kept.some((one) => one.id === id)) continue;
      card.leave();
      this.cards.delete(id);
    }
    const host = this.part("cards");
    for (const one of this.kept) {
      if (!this.cards.has(one.id)) {
        this.cards.set(one.id, new Card(one, this));
        host.append(this.cards.get(one.id).element);
      }
      this.cards.get(one.id).show(one, tasks, place.get(one.id));
    }
    host.querySelector(".empty")?.remove();
    if (!this.kept.length) host.append(this.invitation());
    this.part("tasks").querySelector("h2").textContent = title;
    this.part("count").textContent = `${tasks.filter((task) => isDone(task, of.get(task.id))).length} of ${tasks.length} done`;
    this.part("tasks").querySelector("ol").replaceChildren(...tasks.map((task) => taskLine(task, of.get(task.id), this.data.base, this.data.films)));
    this.part("course").hidden = this.list === this.data.tasks;
    for (const name of ["as-html", "as-pdf", "as-notebooks"]) this.part(name).disabled = !this.kept.length;
  }

  invitation() {
    const box = document.createElement("div");
    box.className = "empty";
    const said = document.createElement("div"), lines = ["Nothing is kept yet.", "Every picture can be kept: “keep” stands above the pictures of a lesson, on a picture itself when the pointer is on it, and beside it when it is enlarged. The key k keeps the step that is shown.", "Each brings its prompt, seed, γ and t along, and the way back to the page that made it."];
    said.append(...lines.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
    const way = document.createElement("p");
    way.append(Object.assign(document.createElement("a"), { href: `${this.data.base}/${this.data.first}`, textContent: "Go to a lesson and keep a picture" }));
    said.append(way);
    box.append(said);
    const { example } = this.data, film = this.data.films[example.code];
    if (film) box.append(this.example(example, film));
    return box;
  }

  example({ title, facts }, film) {
    const card = document.createElement("figure");
    card.className = "example";
    const caption = document.createElement("figcaption"), heading = document.createElement("strong");
    heading.textContent = title;
    caption.append("For example", heading, listOf(facts));
    card.append(filmStrip(film, "glimpse"), caption);
    return card;
  }

  say(sentences, broken = []) {
    const box = this.part("problem");
    const lines = sentences.map((text) => Object.assign(document.createElement("p"), { textContent: text }));
    if (broken.length) {
      const line = document.createElement("p");
      const many = broken.length > 1;
      line.textContent = `${broken.length} kept ${many ? "pictures" : "picture"} cannot be read any more; ${many ? "they are" : "it is"} left as ${many ? "they are" : "it is"}. `;
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Take out what cannot be read" });
      button.addEventListener("click", () => this.trying(() => Promise.all(broken.map((id) => collection.remove(id)))));
      line.append(button);
      lines.push(line);
    }
    box.replaceChildren(...lines);
    box.hidden = !lines.length;
  }

  // What a browser or the server says against it stands on the page; true where nothing was said.
  async trying(act) {
    try {
      await act();
      return true;
    } catch (error) {
      this.say(String(error?.message ?? error).split("\n"));
      return false;
    }
  }

  async takeOut(kept) {
    this.cards.get(kept.id)?.flush();
    if (!(await this.trying(() => collection.remove(kept.id)))) return;
    const undo = Object.assign(document.createElement("button"), { type: "button", textContent: "Put it back" });
    undo.addEventListener("click", async () => {
      if (await this.trying(() => collection.put(COLLECTION.pictures, kept))) this.part("told").textContent = "";
    });
    this.part("told").replaceChildren("Taken out.", undo);
  }

  async load(input) {
    const [file] = input.files;
    input.value = "";
    if (!file) return;
    const done = await this.trying(async () => {
      const found = await (await served(`${this.data.base}/collection/tasks`, await file.text())).json();
      await collection.put(COLLECTION.notes, found, "tasks");
    });
    this.part("told").textContent = done ? `The tasks of ${file.name} are loaded.` : `The tasks of ${file.name} were not loaded.`;
  }

  whole() {
    this.flush();
    return { title: this.part("title").value.trim() || "My collection", author: this.part("author").value.trim(), list: this.list, kept: this.kept.map((one) => ({ ...one, caption: this.cards.get(one.id).caption.value })), of: this.of };
  }

  named(ending, name = this.whole().title) { return `${fileName(name)}.${ending}`; }

  async fetched(what, body, type, ending, name) {
    const answer = await served(`${this.data.base}/collection/${what}`, body);
    saveFile(await answer.arrayBuffer(), type, this.named(ending, name));
  }

  async notebooks() {
    const runs = this.kept.map(runsOf), without = runs.filter((found) => !found.length).length;
    if (without === runs.length) throw new Error("None of the kept pictures is of a run that a notebook could compute.");
    await this.fetched("notebooks", JSON.stringify({ runs: runs.flat() }), "application/zip", "zip");
    if (without) this.note = `${without} of the pictures ${without > 1 ? "are" : "is"} not of a run, and ${without > 1 ? "have" : "has"} no notebook.`;
  }

  async exporting(name, words, make) {
    const button = this.part(name), told = this.part("told");
    button.disabled = true;
    this.note = "";
    told.textContent = words;
    const done = await this.trying(make);
    told.textContent = done ? `Saved among your downloads. ${this.note}` : "Nothing was saved.";
    button.disabled = false;
  }

  flush() { for (const card of this.cards.values()) card.flush(); }

  destroy() {
    for (const card of this.cards.values()) card.leave();
    this.stopper.abort();
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".collection");
  if (!pagesOfKept.has(root)) pagesOfKept.set(root, new CollectionPage(root));
  pagesOfKept.get(root).update(data);
  return () => {
    pagesOfKept.get(root)?.destroy();
    pagesOfKept.delete(root);
  };
}
