// The player: one cursor over the steps of a trajectory. It runs in the browser alone; Python hears of a frame
// only when the hand lets go of the scrubber.

const COMMIT_AFTER = 250; // milliseconds of rest before the frame is sent
const ENOUGH = 6; // frames of a film that plays when it is opened
const MISSES = 3; // times that a film is asked for again which the server has no longer
const TAKES_KEYS = "input, textarea, select, [contenteditable=true], [role=slider], [role=radio], [role=tab], [role=option], [role=listbox]";
const players = new WeakMap();
const onPage = (globalThis.__players ??= new Set());

// A page may have several players: to the ear each has a name of its own, the first the plain one.
function numbered(root) {
  const hosts = document.querySelectorAll('[data-testid="stBidiComponentIsolated"]');
  const place = [...hosts].map((host) => host.shadowRoot?.querySelector(".player")).filter(Boolean).indexOf(root);
  return place > 0 ? `Trajectory player ${place + 1}` : "Trajectory player";
}

class Player {
  constructor(parent) {
    this.parent = parent;
    this.root = parent.querySelector(".player");
    this.known = new Map();
    this.frame = 0;
    this.following = false;
    this.stopper = new AbortController();
    this.part = (name) => this.root.querySelector(`.${name}`);
    this.stage = new Stage(this.part("stage"), (row, sample) => this.lightbox.open(row, sample));
    this.charts = new Charts(this.part("charts"), (frame, done) => this.grab(frame, done));
    this.timeline = new Timeline(this.part("timeline"), (frame, done) => this.grab(frame, done));
    this.lightbox = new Lightbox(this.part("lightbox"), this);
    this.figure = new Figure(this);
    this.values = new Values(this);
    this.motion = new Motion(this);
    this.listen();
    onPage.add(this);
    linkQuantities(this.root, this.stopper.signal);
    this.resized = new ResizeObserver(() => this.film && this.layout());
    this.resized.observe(this.root);
    const { box } = figureOf(this.root);
    if (box) this.resized.observe(box);
    addEventListener("resize", () => this.film && this.layout(), { signal: this.stopper.signal });
    onPixelRatio(() => this.film && this.layout(), this.stopper.signal);
  }

  // Called at the first mount and again whenever Streamlit has new data or a new theme. The data is an envelope, and
  // after it a film, unless the envelope says where to fetch it.
  async update({ data, setStateValue, setTriggerValue }) {
    this.send = whileHere((frame, epoch) => setStateValue("frame", { index: frame, epoch }));
    this.redraw = whileHere(() => setTriggerValue("redraw", true)); // has the page draw the player again
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const [envelope, filmAt] = readPart(data, 0);
    if (envelope.watch) return this.watch(envelope);
    const bytes = envelope.film ? await this.fetched(envelope.film) : data.subarray(filmAt);
    if (turn !== this.turn || this.stopper.signal.aborted || !bytes) return; // a newer call has overtaken this one
    const [film, known] = await decodeFilm(bytes, this.known);
    if (turn !== this.turn || this.stopper.signal.aborted) return;
    this.known = known;
    this.leave();
    this.root.classList.toggle("stale", Boolean(envelope.stale));
    this.show(film, envelope);
  }

  /** Whether it was given a film of which nothing is on the screen yet; scripts that take long to read wait for it. */
  get awaitsPicture() {
    return Boolean(this.turn && this.root.clientWidth) && !this.watching && this.part("problem").hidden && !("frame" in this.root.dataset);
  }

  // A run that goes on: the server is asked for its frames from here. Before the first one there is nothing to show.
  watch(envelope) {
    this.envelope = envelope;
    if (this.watching?.address === envelope.watch) return this.watching.go(); // the page was drawn again
    this.leave();
    this.motion.pause();
    this.known = new Map();
    delete this.root.dataset.frame;
    if (this.lightbox.dialog.open) this.lightbox.dialog.close();
    this.part("problem").hidden = true;
    this.root.classList.add("watching", this.film ? "stale" : "empty"); // what was shown stays until there is something new
    this.tell({ words: "Waiting", share: 0 });
    this.arriving = true;
    this.watching = new Watch(this, envelope.watch);
  }

  leave() {
    this.watching?.stop();
    this.watching = null;
    this.root.classList.remove("watching", "empty", "stale");
  }

  tell({ words, share }) {
    this.part("told").textContent = words;
    this.part("share").value = share;
  }

  // The frames from `first` on of the run that is watched.
  async grow(bytes, first, signal) {
    const [film, known] = await decodeFilm(bytes, this.known);
    if (signal.aborted) return;
    if (first > 0) joinFilm(this.film, film);
    this.known = known;
    this.root.classList.remove("empty", "stale");
    this.show(film, this.envelope);
  }

  fail(error) {
    this.part("problem").hidden = false;
    this.part("problem").textContent = `The player could not read this film: ${error.message}`;
  }

  // Makes a file of what is shown, where the browser hands over what was painted.
  save(make) {
    const exact = readsBackExactly(), problem = this.part("problem");
    problem.hidden = exact;
    problem.textContent = exact ? "" : READBACK_CHANGED;
    if (exact) return make();
    if (this.lightbox.dialog.open) this.lightbox.dialog.close(); // the sentence stands on the page
    problem.scrollIntoView({ block: "nearest" });
  }

  keep(make = () => shownStep(this)) {
    if (this.film) this.save(() => keepShown(this, make()));
  }

  // The bytes at an address. What the server has no longer it is asked to publish again; that is a new update.
  async fetched(address) {
    if (this.held?.address === address) return this.held.bytes;
    const bytes = await fetchFilm(address, this.stopper.signal);
    if (bytes) {
      this.misses = 0;
      this.held = { address, bytes };
    } else {
      this.misses = (this.misses ?? 0) + 1;
      if (this.misses > MISSES) throw new Error("the server does not keep it. Reload the page");
      this.redraw();
    }
    return bytes;
  }

  show(film, envelope) {
    const fresh = !this.film || envelope.epoch !== this.epoch;
    this.film = film;
    this.part("head").inert = this.part("deck").inert = false; // until now there was nothing to step through
    this.epoch = envelope.epoch;
    this.envelope = envelope;
    this.part("problem").hidden = true;
    if (fresh) {
      this.motion.pause();
      this.sent = null;
      this.following = film.count < film.total;
      this.frame = this.opens(film, envelope);
    }
    if (this.following) this.frame = film.count - 1;
    if (this.arriving && !envelope.watch) { // it was watched to its end, and rests like one that was there at once
      this.frame = this.opens(film, envelope);
      this.arriving = false;
    }
    if (film.count === film.total) this.following = false;
    this.frame = clamp(this.frame, 0, film.count - 1);
    this.layout();
    if (fresh && film.loops) this.motion.loopOn(true);
    const moves = film.autoplay || (envelope.play && film.total >= ENOUGH);
    if (fresh && moves && film.count === film.total && !stands()) this.motion.open();
  }

  // The frame on which a film rests that nobody has touched.
  opens(film, { start }) {
    return start ?? (film.autoplay && stands() ? null : film.start) ?? film.count - 1;
  }

  layout() {
    this.root.setAttribute("aria-label", numbered(this.root));
    const film = this.film, width = this.root.clientWidth;
    if (!width) return;
    this.figure.show(film);
    this.keepRoom(film);
    const scale = this.timeline.show(film);
    this.charts.show(film, scale);
    this.lightbox.show(film);
    const live = film.count < film.total;
    this.part("live").hidden = !live;
    this.part("arrived").textContent = `${film.count} of ${film.total} frames computed, ${film.total - film.count} to come`;
    this.part("follow").hidden = this.following;
    this.figure.fit(width);
    cancelAnimationFrame(this.waiting); // new pictures are painted before anybody sees that they are empty
    this.paint();
    this.settle();
  }

  // The longest name of a frame has its place from the first on: the scrubber beside it would become shorter, its ticks not.
  keepRoom(film) {
    const where = this.root.querySelector(".where");
    this.part("step").textContent = film.steps.reduce((longest, name) => (name.length > longest.length ? name : longest), "");
    this.part("count").textContent = `frame ${film.total} of ${film.total}`;
    where.style.setProperty("--widest", "0");
    where.style.setProperty("--widest", `${Math.ceil(where.getBoundingClientRect().width) + 2}px`);
  }

  // Draw everything that depends on the frame, at most once per screen refresh.
  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.waiting = 0;
    const film = this.film;
    const frame = this.comparing ? film.count - 1 : this.frame;
    const toward = this.comparing ? 0 : this.motion.toward;
    this.stage.draw(frame, toward);
    this.values.draw(frame);
    this.figure.draw(frame);
    this.lightbox.draw(frame, toward);
    this.timeline.move(this.frame);
    this.charts.move(this.frame);
    this.part("step").textContent = film.steps[frame];
    this.part("count").textContent = `frame ${frame + 1} of ${film.total}`;
    this.root.classList.toggle("comparing", Boolean(this.comparing));
    this.root.dataset.frame = frame; // what is on the screen now, for tests and for style sheets
    const detail = { frame: this.frame, total: film.total };
    this.root.dispatchEvent(new CustomEvent("player-frame", { detail, bubbles: true, composed: true }));
  }

  seek(frame) {
    const next = clamp(frame, 0, this.film.count - 1);
    if (next !== this.frame) {
      this.frame = next;
      this.draw();
    }
  }

  // The page takes the cursor: a class follows its instructor's. A film of another length is another film.
  led({ detail }) {
    if (this.film?.total !== detail.total || detail.frame >= this.film.count) return;
    detail.taken = true;
    this.motion.pause();
    this.following = this.arriving = false;
    this.seek(detail.frame);
  }

  // The hand takes the cursor: playing and following stop. `done` says that it has let go.
  grab(frame, done) {
    this.motion.pause();
    this.following = this.arriving = false;
    this.part("follow").hidden = false;
    this.seek(frame);
    if (done) this.settle(true);
  }

  // After a rest: words for screen readers, and, if a hand moved the cursor, the frame to Python.
  settle(commit = false) {
    this.commits ||= commit;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      if (this.keyDown || this.timeline.dragging) return this.settle();
      this.stage.describe(this.frame);
      if (this.commits && this.frame !== this.sent) {
        this.sent = this.frame;
        this.send(this.frame, this.epoch);
      }
      this.commits = false;
    }, COMMIT_AFTER);
  }

  compare(on) {
    if (Boolean(this.comparing) === on || !this.film) return;
    this.comparing = on;
    this.draw();
  }

  listen() {
    const { signal } = this.stopper;
    const on = (target, type, action) => target.addEventListener(type, action, { signal });
    const click = (name, action) => on(this.part(name), "click", action);
    click("loop", () => this.motion.loop());
    click("play", () => this.motion.toggle());
    click("back", () => this.grab(this.frame - 1, true));
    click("forth", () => this.grab(this.frame + 1, true));
    click("enlarge", () => this.lightbox.open(this.rows()[0].name, 0));
    click("follow", () => { this.following = true; this.frame = this.film.count - 1; this.layout(); });
    const sheet = () => overTime(this.film, this.rows(), this.lightbox.sample, this.look());
    click("keep", () => this.keep());
    click("save-frame", () => this.save(() => download(shownStep(this))));
    click("save-sheet", () => this.save(() => download(sheet())));
    click("keep-sheet", () => this.keep(sheet));
    on(this.root, "picture-asked", (event) => offerPicture(this, event));
    const menu = this.part("save");
    click("save", (event) => { if (event.target.closest(".menu")) menu.open = false; });
    on(menu, "focusout", (event) => { if (!menu.contains(event.relatedTarget)) menu.open = false; });
    const compare = this.part("compare");
    on(compare, "pointerdown", (event) => { compare.setPointerCapture(event.pointerId); this.compare(true); });
    for (const type of ["pointerup", "pointercancel", "blur"]) on(compare, type, () => this.compare(false));
    on(document, "player-seek", (event) => this.led(event));
    on(this.root, "keydown", (event) => this.key(event));
    on(document, "keydown", (event) => { if (this.leads(event)) this.key(event); });
    on(this.root, "keyup", (event) => {
      this.keyDown = false;
      if (event.key === "c" || event.target === compare) this.compare(false);
    });
    on(this.root, "focusout", () => { this.keyDown = false; this.compare(false); });
    on(this.part("stage"), "pointerdown", () => this.timeline.range.focus({ preventScroll: true }));
  }

  // Whether a key that was pressed outside is meant for this player: the first of the page, where nothing else wants it.
  leads(event) {
    if (event.defaultPrevented || event.composedPath().includes(this.root) || document.querySelector("dialog[open], [role=dialog]")) return false;
    const target = event.composedPath()[0];
    if (target.closest?.(TAKES_KEYS)) return false;
    if (event.key === " " && target.closest?.("a, button, summary")) return false; // it presses them
    return leading() === this && this.root.clientHeight > 0;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.film) return;
    const target = event.target;
    const move = { ArrowLeft: this.frame - 1, ArrowRight: this.frame + 1, Home: 0, End: this.film.count - 1 }[event.key];
    if (move !== undefined && target.tagName !== "SELECT") {
      event.preventDefault();
      this.keyDown = true;
      this.grab(move, true);
    } else if (event.key === " " && !target.closest("button, select, summary")) {
      event.preventDefault();
      if (!event.repeat) this.motion.toggle();
    } else if (event.key === "c" || (target === this.part("compare") && [" ", "Enter"].includes(event.key))) {
      event.preventDefault();
      this.compare(true);
    } else if (event.key === "k" && !event.repeat) {
      event.preventDefault();
      this.keep();
    } else if (event.key === "l") {
      event.preventDefault();
      this.motion.loop();
    } else if (event.key === "e" && !this.lightbox.dialog.open) {
      event.preventDefault();
      this.lightbox.open(this.rows()[0].name, this.lightbox.sample);
    }
  }

  // The rows that are shown.
  rows() { return this.figure.rows(); }

  look() {
    const style = getComputedStyle(this.root);
    return { background: style.getPropertyValue("--st-background-color") || "#fff", text: style.color, font: style.fontFamily };
  }

  destroy() {
    onPage.delete(this);
    this.stopper.abort();
    this.motion.pause();
    this.leave();
    this.resized.disconnect();
    cancelAnimationFrame(this.waiting);
    clearTimeout(this.resting);
    if (this.lightbox.dialog.open) this.lightbox.dialog.close();
  }
}

// The player that stands first on the page; keys pressed anywhere are its.
function leading() {
  const precedes = (a, b) => Boolean(hostOf(a).compareDocumentPosition(hostOf(b)) & Node.DOCUMENT_POSITION_FOLLOWING);
  return [...onPage].reduce((best, player) => (best && precedes(best, player) ? best : player), null);
}

const hostOf = (player) => player.root.getRootNode().host ?? player.root;

export default function (component) {
  const parent = component.parentElement;
  const root = parent.querySelector(".player");
  let player = players.get(parent);
  if (!player || player.root !== root) {
    player?.destroy();
    player = new Player(parent);
    players.set(parent, player);
  }
  player.update(component).catch((error) => {
    if (!player.stopper.signal.aborted) player.fail(error); // otherwise it is gone, and what it waited for with it
  });
  return () => {
    player.destroy();
    players.delete(parent);
  };
}
