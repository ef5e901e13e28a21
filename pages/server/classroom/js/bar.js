// The bar over every page of a class. A student's asks once a second where the class is and moves along;
// the instructor's tells where it is. Both read the place from the address: it holds the page and its parameters.

const ASK_EVERY = 1000, ASK_HIDDEN = 5000, ASK_OFFLINE = 3000, LOOK_EVERY = 250, GO_AGAIN = 8000; // milliseconds
const bars = new WeakMap();

/**
 * What the server says of a room: where the instructor is, and a word that changes with the question.
 * @typedef {{version: number, instructor: string, leading: boolean, page: string, query: string, frame: number | null,
 *   total: number | null, question_shown: string, present?: number}} ClassState
 */

class Bar {
  constructor(root) {
    this.root = root;
    this.version = null;
    /** @type {ClassState | null} */
    this.state = null;
    this.at = this.page = undefined; // where the instructor was at the last look
    this.frame = null; // of the player on this page: {frame, total}
    this.stopper = new AbortController();
    this.part = (name) => root.querySelector(`.${name}`);
    this.part("act").addEventListener("click", () => this.act(), { signal: this.stopper.signal });
    document.addEventListener("player-frame", (/** @type {CustomEvent} */ event) => { this.frame = event.detail; }, { signal: this.stopper.signal });
  }

  update({ data, setTriggerValue }) {
    const first = !this.data;
    this.data = data;
    this.tell = (name, value) => { // the bar stays from page to page
      if (leaving.underway) setTimeout(() => this.tell(name, value), ASK_EVERY);
      else setTriggerValue(name, value);
    };
    this.move = (to) => setTriggerValue("go", to);
    this.shown = data.question_shown;
    if (first) {
      this.show();
      this.ask();
      if (data.leads) this.looking = setInterval(() => this.look(), LOOK_EVERY);
    }
  }

  stop() {
    this.stopper.abort();
    clearTimeout(this.asking);
    clearInterval(this.looking);
  }

  // In this tab: a student follows, the instructor leads. A second tab of the same person may do otherwise.
  get on() { return keptInTab(`class-${this.data.code}`) === "on" || (!this.data.leads && !this.letGo); }
  get letGo() { return keptInTab(`class-${this.data.code}`) === "off"; }
  set on(value) { keepInTab(`class-${this.data.code}`, value ? "on" : "off"); }

  act() {
    this.on = !this.on;
    this.told = this.applied = this.taken = null;
    if (this.data.leads && !this.on) this.post({ leading: false });
    if (!this.data.leads) this.follow();
    this.show();
  }

  // ---- where this tab is

  here() {
    const last = location.pathname.split("/").filter(Boolean).pop() ?? "";
    const page = last in this.data.pages ? last : this.isHome(last) ? "" : null;
    return { page, query: place(location.search, this.data.not_followed) };
  }

  isHome(last) { return last === "" || `/${last}` === this.data.base.slice(this.data.base.lastIndexOf("/")); }

  // ---- a student: ask, and follow

  async ask() {
    clearTimeout(this.asking);
    let wait = document.hidden ? ASK_HIDDEN : ASK_EVERY;
    try {
      const answer = await fetch(`${this.data.base}/classroom/${this.data.code}/state?seen=${this.version}`, { cache: "no-store" });
      if (this.stopper.signal.aborted) return;
      if (answer.status === 403) return this.tell("redraw", "-"); // removed, or the room was closed
      if (answer.status === 200) {
        this.state = await answer.json();
        this.version = this.state.version;
      } else if (answer.status !== 204) throw new Error(String(answer.status));
      this.offline = false;
      if (this.state) {
        this.listen();
        if (!this.data.leads) this.follow();
      }
    } catch (error) {
      if (this.stopper.signal.aborted) return;
      this.offline = true; // the server restarts or the network is gone: ask again, not all in the same moment
      wait = ASK_OFFLINE * (0.7 + 0.6 * Math.random());
      console.debug("class:", error);
    }
    this.show();
    this.asking = setTimeout(() => this.ask(), wait);
  }

  // The question, or the count of its answers, is another one than the page shows: have it drawn again.
  listen() {
    if (this.state.question_shown === this.shown) return;
    this.shown = this.state.question_shown;
    this.tell("redraw", this.shown);
  }

  follow() {
    const state = this.state;
    if (!state?.leading || !this.on) return;
    const wanted = `${state.page}?${state.query}`, here = this.here();
    if (wanted !== this.applied) {
      this.applied = wanted;
      this.taken = null;
      if (wanted !== `${here.page}?${here.query}`) return this.go();
    }
    if (here.page === state.page) this.went = null;
    else if (this.went && performance.now() - this.went > GO_AGAIN) return this.go(); // the session was not listening
    const cursor = `${wanted} ${state.frame}`;
    if (state.frame === null || cursor === this.taken) return;
    const detail = { frame: state.frame, total: state.total, taken: false };
    document.dispatchEvent(new CustomEvent("player-seek", { detail }));
    if (detail.taken) this.taken = cursor; // otherwise the film is not there yet: try again
  }

  go() {
    const { page, query, frame } = this.state;
    this.went = performance.now();
    this.move({ page, query, frame });
    if (page !== this.here().page) leaving.begin();
  }

  // ---- the instructor: tell

  look() {
    if (!this.on) return;
    const { page, query } = this.here();
    if (page === null) return; // the class stays where it was while its room is looked after
    const at = `${page}?${query}`;
    if (at !== this.at) { // a page that is being opened gets its parameters one after the other: wait for a rest
      if (page !== this.page) this.frame = null;
      [this.at, this.page] = [at, page];
      return;
    }
    const { frame = null, total = null } = this.frame ?? {};
    const now = JSON.stringify({ page, query, frame, total });
    if (now === this.told) return;
    this.told = now;
    this.post({ page, query, frame, total });
  }

  async post(body) {
    try {
      const answer = await fetch(`${this.data.base}/classroom/${this.data.code}/lead`, {
        method: "POST", headers: { "X-Classroom": "1", "Content-Type": "application/json" }, body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(String(answer.status));
    } catch (error) {
      this.told = null; // once more at the next look
      console.debug("class:", error);
    }
  }

  // ---- the words

  show() {
    const { leads, pages } = this.data, state = this.state, on = this.on;
    const instructor = state?.instructor ?? this.data.instructor;
    const there = state?.page ? pages[state.page] : "the start";
    let text, act;
    if (this.offline) [text, act] = [["The connection to the class is lost. It is being tried again."], ""];
    else if (leads) {
      const count = state?.present ?? 0;
      const here = `${count} ${count === 1 ? "student is" : "students are"} here. `;
      text = [["Room "], [this.data.spaced, "b"], [` · ${here}`], [on ? "The class follows this tab." : "You move alone."]];
      act = on ? "Stop leading" : "Lead the class";
    } else if (!state) [text, act] = [["Looking for the class …"], ""];
    else if (!state.leading) [text, act] = [[[instructor, "b"], [" is not leading at the moment: look around."]], ""];
    else if (on) [text, act] = [[["You follow "], [instructor, "b"], ["."]], "Let go"];
    else [text, act] = [[["You are on your own. "], [instructor, "b"], [` is at ${there}.`]], "Follow again"];
    const words = JSON.stringify([text, act]);
    this.root.classList.toggle("on", on && !this.offline && Boolean(leads || state?.leading));
    this.root.classList.toggle("offline", Boolean(this.offline));
    if (words === this.words) return; // a screen reader would say it again
    this.words = words;
    this.part("text").replaceChildren(...text.map((part) => {
      const [said, tag = "span"] = [part].flat();
      const piece = document.createElement(tag);
      piece.textContent = said;
      return piece;
    }));
    this.part("act").textContent = act;
    this.part("act").hidden = !act;
  }
}

// The parameters of an address that say where one is, in a fixed order.
function place(search, without) {
  const parameters = new URLSearchParams(search);
  for (const name of without) parameters.delete(name);
  parameters.sort();
  return parameters.toString();
}

export default function (component) {
  const root = component.parentElement.querySelector(".bar");
  let bar = bars.get(root);
  if (!bar) bars.set(root, (bar = new Bar(root)));
  bar.update(component);
  return () => {
    bar.stop();
    bars.delete(root);
  };
}
