// Which pages were opened in this browser. Kept in its storage: addresses below the app's, as JSON.

const OPENED = "opened-pages";

function openedPages() {
  try {
    const kept = JSON.parse(localStorage.getItem(OPENED) ?? "[]");
    return Array.isArray(kept) ? kept.filter((path) => typeof path === "string") : [];
  } catch { // storage is switched off, or somebody else wrote there: nothing is marked
    return [];
  }
}

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
