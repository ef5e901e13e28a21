// For the last row: the figure takes two thirds of the screen, the controls go, the words grow; p begins and ends it on any page.
// Stops are what a lesson says, asks and explains, one after the other, beside the figure. Page keys, which are what a
// presenter's remote control sends, go from stop to stop; arrow keys belong to the film. ? tells all keys.

const PRESENTING = "presenting"; // in this tab's storage, and on the document while it is so
const presenters = new WeakMap();
const BIG = `
  html[data-presenting] { font-size: clamp(20px, 1.46vw, 44px) !important; --while-presenting: none; }
  html[data-presenting]:has(.st-key-lesson) :is([data-testid="stSidebar"], [data-testid="stExpandSidebarButton"], .st-key-presets, .st-key-side, .st-key-kept, .st-key-elsewhere) { display: none !important; }
  html[data-presenting] [data-testid="stMain"]::before { box-shadow: none !important; } /* its focus, as a frame across the figure */
  html[data-presenting] .st-key-lesson { grid-template-columns: minmax(0, 7fr) minmax(0, 3fr) !important; }
  html[data-presenting] .st-key-words { padding-top: 3.2rem; padding-bottom: 70vh; } /* below the strip */
  html[data-presenting] .st-key-head h1 { font-size: 1.5rem; }
  html[data-presenting] .st-key-head [data-testid="stMarkdownContainer"] p { font-size: 1rem; }
`;

class Presenter {
  constructor(root) {
    this.root = root;
    this.stopper = new AbortController();
    this.part = (name) => root.querySelector(`.${name}`);
    const on = (target, type, action) => target.addEventListener(type, action, { signal: this.stopper.signal });
    on(this.part("switch"), "click", () => this.turn(!this.on));
    on(this.part("end"), "click", () => this.turn(false));
    on(this.part("back"), "click", () => this.go(-1));
    on(this.part("forth"), "click", () => this.go(1));
    on(this.part("help-close"), "click", () => this.part("help").close());
    on(document, "keydown", (event) => this.key(event));
    on(document, "wheel", () => { this.gone = null; });
    on(document.querySelector('[data-testid="stMain"]') ?? document, "scroll", () => this.name());
    this.style = document.createElement("style");
    this.style.textContent = BIG;
    document.head.append(this.style);
    this.watch = setInterval(() => this.name(), 1000); // the page below is drawn when it is drawn
  }

  get on() { return keptInTab(PRESENTING) === "on"; }

  turn(on) {
    keepInTab(PRESENTING, on ? "on" : "off");
    this.show();
  }

  show({ offer } = this.data) {
    this.data = { offer };
    document.documentElement.toggleAttribute("data-presenting", this.on);
    this.part("strip").hidden = !this.on;
    this.part("switch").hidden = !offer;
    this.part("switch").textContent = this.on ? "End presenting" : "Present in this tab";
    this.name();
  }

  // [words, element] of every stop that the page has, from the top.
  stops() {
    const main = document.querySelector('[data-testid="stMain"]');
    const all = (selector) => [...(main?.querySelectorAll(selector) ?? [])];
    const words = (element) => element.querySelector("summary p, summary, strong")?.textContent.trim() ?? "";
    const found = [
      ["Picture", main?.querySelector("h1")],
      ["Question", main?.querySelector(".st-key-question")],
      ...all(".st-key-prose p").map((paragraph) => [words(paragraph) || "What to look for", paragraph]),
      ...all('.st-key-words [data-testid="stExpander"]').map((fold) => [words(fold) || "More", fold]),
    ];
    return found.filter(([, element]) => element?.getClientRects().length);
  }

  // Where one is: at the stop that was gone to, or, after the hand has scrolled, at the last that has reached the upper third.
  at(stops) {
    const gone = stops.findIndex(([, element]) => element === this.gone);
    if (gone >= 0 && this.gone.getBoundingClientRect().top < innerHeight) return gone;
    if (document.querySelector('[data-testid="stMain"]').scrollTop < 4) return 0;
    return Math.max(0, stops.filter(([, element]) => element.getBoundingClientRect().top < innerHeight / 3).length - 1);
  }

  name() {
    if (!this.on) return;
    const stops = this.stops(), at = this.at(stops);
    this.part("place").textContent = stops.length ? `${stops[at][0]} · ${at + 1} of ${stops.length}` : "";
  }

  go(step) {
    const stops = this.stops(), next = this.at(stops) + step;
    if (next < 0) return;
    if (next >= stops.length) { // after the last stop comes the next lesson
      /** @type {NodeListOf<HTMLElement>} */
      const links = document.querySelectorAll('[data-testid="stMain"] [data-testid="stPageLink"] a');
      document.querySelector('[data-testid="stMain"]').scrollTo({ top: 0 });
      this.gone = null;
      return [...links].pop()?.click();
    }
    const [, element] = stops[next];
    const fold = element.matches('[data-testid="stExpander"]') && element.querySelector("details:not([open]) summary");
    if (fold) fold.click();
    const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.gone = element;
    element.style.scrollMarginTop = "4.2rem"; // below the strip
    if (next === 0) document.querySelector('[data-testid="stMain"]').scrollTo({ top: 0 });
    else element.scrollIntoView({ behavior: smooth ? "smooth" : "auto", block: "start" });
    this.name();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const wants = event.composedPath()[0];
    if (wants.matches?.("textarea, select, [contenteditable=true], input:not([type=range], [type=radio], [type=checkbox])")) return;
    const act = {
      p: () => this.turn(!this.on),
      "?": () => this.part("help").showModal(),
      ...(this.on && { Escape: () => this.turn(false), PageDown: () => this.go(1), PageUp: () => this.go(-1) }),
    }[event.key];
    if (!act || this.part("help").open) return;
    event.preventDefault();
    act();
  }

  stop() {
    this.stopper.abort();
    clearInterval(this.watch);
    this.style.remove();
    document.documentElement.removeAttribute("data-presenting");
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".presenter");
  let presenter = presenters.get(root);
  if (!presenter) presenters.set(root, (presenter = new Presenter(root)));
  presenter.show(data);
  return () => {
    presenter.stop();
    presenters.delete(root);
  };
}
