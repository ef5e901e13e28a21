// Big type for the last row, and stops: what a lesson says, shows, asks and explains, one after the other. Page keys, which
// are what a presenter's remote control sends, always go on; arrow keys do unless a control has the focus and wants them.

const PRESENTING = "presenting"; // in this tab's storage, and on the document while it is so
const presenters = new WeakMap();
const BIG = `
  html[data-presenting] { font-size: clamp(20px, 1.5vw, 44px) !important; }
  html[data-presenting] :is([data-testid="stSidebar"], [data-testid="stExpandSidebarButton"]) { display: none; }
  html[data-presenting] [data-testid="stMainBlockContainer"] { padding-top: 1rem; padding-bottom: 75vh; }
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
    on(document, "keydown", (event) => this.key(event));
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
    const first = (selector) => main?.querySelector(selector);
    const heading = (text) => [...(main?.querySelectorAll("h3") ?? [])].find((h) => h.textContent.trim() === text);
    const found = [
      ["Claim", first("h1")],
      ["Picture", first('[class*="-preset-"]') ?? first('[class*="-player"]')],
      ["Question", first('[class*="-guess"]')?.parentElement],
      ["What to look for", heading("What to look for")],
      ...[...(main?.querySelectorAll('[data-testid="stExpander"]') ?? [])]
        .filter((fold) => heading("What to look for")?.compareDocumentPosition(fold) & Node.DOCUMENT_POSITION_FOLLOWING)
        .map((fold) => [fold.querySelector("summary p, summary")?.textContent.trim() ?? "More", fold]),
    ];
    return found.filter(([, element]) => element?.getClientRects().length)
      .sort(([, a], [, b]) => a.getBoundingClientRect().top - b.getBoundingClientRect().top);
  }

  // The last stop that has reached the top of the window.
  at(stops) {
    const passed = stops.filter(([, element]) => element.getBoundingClientRect().top < innerHeight * 0.2);
    return Math.max(0, passed.length - 1);
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
      return [...links].pop()?.click();
    }
    const fold = stops[next][1].matches('[data-testid="stExpander"]') && stops[next][1].querySelector("details:not([open]) summary");
    if (fold) fold.click();
    const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    stops[next][1].style.scrollMarginTop = "1rem";
    stops[next][1].scrollIntoView({ behavior: smooth ? "smooth" : "auto", block: "start" });
  }

  key(event) {
    if (!this.on || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const wants = event.composedPath()[0];
    if (wants.matches?.("textarea, select, input:not([type=range], [type=radio], [type=checkbox])")) return;
    const busy = wants.matches?.("input, [role=slider], [role=radio]") || event.composedPath().some((e) => e.classList?.contains("player"));
    const step = { PageDown: 1, PageUp: -1 }[event.key] ?? (busy ? 0 : { ArrowRight: 1, ArrowLeft: -1 }[event.key]) ?? 0;
    if (event.key === "Escape") this.turn(false);
    if (!step) return;
    event.preventDefault();
    this.go(step);
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
