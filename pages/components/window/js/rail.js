// The folded menu shows every page by its code, and marks those that were opened in this browser.

function rememberOpened(path) {
  const opened = openedPages();
  if (opened.includes(path)) return opened;
  opened.push(path);
  try {
    localStorage.setItem(OPENED, JSON.stringify(opened));
  } catch { // switched off, or full: marked until the tab is closed
    return opened;
  }
  return opened;
}

const quoted = (text) => `"${CSS.escape(text).replace(/\\([^0-9a-f])/gi, "$1")}"`;

// The menu unfolds where the pointer rests on it or a key has led the focus there; what was chosen in it is then to be seen, so
// it stays folded until the pointer has left.
const UNFOLD_AFTER = 200; // milliseconds

function unfoldsByItself() {
  let waiting = 0, chosen = false;
  const menuOf = (event) => event.target.closest?.('[data-testid="stSidebar"][data-collapsed="true"]');
  const fold = () => {
    clearTimeout(waiting);
    waiting = 0;
    document.querySelector('[data-testid="stSidebar"][data-unfolded]')?.removeAttribute("data-unfolded");
  };
  document.addEventListener("pointermove", (event) => {
    const menu = menuOf(event);
    if (!menu) {
      chosen = false;
      if (!document.activeElement?.closest('[data-testid="stSidebar"]')) fold();
    } else if (!chosen && !waiting && event.pointerType === "mouse") {
      waiting = setTimeout(() => menu.setAttribute("data-unfolded", ""), UNFOLD_AFTER);
    }
  });
  document.addEventListener("focusin", (event) => {
    const menu = menuOf(event);
    if (menu && event.target instanceof Element && event.target.matches(":focus-visible")) menu.setAttribute("data-unfolded", "");
    else if (!menu) fold();
  });
  document.addEventListener("click", (event) => {
    if (!menuOf(event)) return;
    chosen = true;
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    fold();
  });
}

/** @param {{pages: Record<string, string>, page: string}} data the codes by address, and the page that is shown */
function rail({ pages, page }) {
  const opened = rememberOpened(page);
  const links = (path) => `[data-testid="stSidebarNavLink"][href$="/${CSS.escape(path)}"]`;
  const rules = Object.entries(pages).map(([path, code]) => `${links(path)} { --code: ${quoted(code)}; }`);
  for (const path of opened.filter((known) => known && known in pages)) {
    rules.push(`${links(path)} { background: color-mix(in srgb, currentColor 9%, transparent); }`);
  }
  rules.push(`${links(page)} { background: #0a5ca8; } ${links(page)}, ${links(page)} * { color: #fff !important; }`);
  let sheet = document.getElementById("rail");
  if (!sheet) {
    sheet = document.createElement("style");
    sheet.id = "rail";
    document.head.append(sheet);
  }
  sheet.textContent = rules.join("\n");
  oneStop(page);
}

const LINKS = '[data-testid="stSidebarNavLink"]';

// For the Tab key the menu is one stop, the page that is shown; ↓ and ↑ go from link to link.
function oneStop(page) {
  const all = /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(LINKS));
  const own = [...all].find((link) => new URL(link.href).pathname.endsWith(`/${page}`)) ?? all[0];
  for (const link of all) link.tabIndex = link === own ? 0 : -1;
  if (own) bringIntoSight(own);
}

// Within the menu alone: the page stays where it is.
function bringIntoSight(link) {
  const menu = link.closest('[data-testid="stSidebarContent"]');
  if (!menu) return;
  const own = link.getBoundingClientRect(), all = menu.getBoundingClientRect();
  if (own.bottom > all.bottom) menu.scrollTop += own.bottom - all.bottom + own.height;
  else if (own.top < all.top) menu.scrollTop += own.top - all.top - own.height;
}

function arrowsInTheMenu() {
  document.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !(event.target instanceof Element) || !event.target.matches(LINKS)) return;
    const all = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(LINKS)]);
    const next = all[all.indexOf(/** @type {HTMLElement} */ (event.target)) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}
