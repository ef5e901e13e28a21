// Cards are links. A click follows Streamlit's own link in the menu, which changes the page without loading the app anew.

const APART = 140; // milliseconds between two cards that come into view together

/**
 * @typedef {{code: string, title: string, claim: string, minutes: number, path: string, frames: number, strip: string | null}} Card
 * @param {{data: {base: string, small: boolean, parts: {heading: string, cards: Card[]}[]}, parentElement: HTMLElement | ShadowRoot}} component
 */
export default function ({ data, parentElement }) {
  const course = /** @type {HTMLElement} */ (parentElement.querySelector(".course")), seen = openedPages();
  const text = JSON.stringify(data);
  if (course.dataset.shown === text) return; // the page's script ran again
  course.dataset.shown = text;
  course.classList.toggle("small", data.small);
  const sections = data.parts.flatMap(({ heading, cards }) => {
    const title = document.createElement("h2"), list = document.createElement("ul");
    title.textContent = heading;
    list.append(...cards.map((card) => {
      const item = document.createElement("li");
      item.append(cardOf(card, data.base, seen.includes(card.path)));
      return item;
    }));
    return heading ? [title, list] : [list];
  });
  course.replaceChildren(...sections);
  const watcher = playsOnceInView([...course.querySelectorAll("a")]);
  return () => watcher.disconnect();
}

function cardOf(card, base, seen) {
  const link = document.createElement("a");
  link.href = `${base}/${card.path}`;
  link.title = card.claim;
  link.classList.toggle("seen", seen);
  const window_ = document.createElement("div"), words = document.createElement("div");
  window_.className = "window";
  window_.append(card.strip ? filmStrip(card, "film") : nothingOf(card));
  words.className = "words";
  for (const [name, text] of [["name", `${card.code} · ${card.title}`], ["minutes", `${card.minutes} min`]]) {
    const line = document.createElement("span");
    line.className = name;
    line.textContent = text;
    words.append(line);
  }
  link.append(window_, words);
  link.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return; // another tab or window
    const inMenu = document.querySelector(`[data-testid="stSidebarNavLink"][href$="/${CSS.escape(card.path)}"]`);
    if (!(inMenu instanceof HTMLElement)) return;
    event.preventDefault();
    inMenu.click();
  });
  return link;
}

function nothingOf(card) {
  const nothing = document.createElement("div");
  nothing.className = "nothing";
  nothing.setAttribute("aria-hidden", "true");
  nothing.textContent = card.code;
  return nothing;
}

// Each card's film plays once when the card comes into view, one after the other; then under the pointer or the focus.
function playsOnceInView(links) {
  let next = 0;
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watcher.unobserve(entry.target);
      next = Math.max(next, performance.now()) + APART;
      setTimeout(() => entry.target.classList.add("plays"), next - performance.now());
      entry.target.addEventListener("animationend", () => entry.target.classList.remove("plays"), { once: true });
    }
  }, { threshold: 0.5 });
  for (const link of links) watcher.observe(link);
  return watcher;
}
