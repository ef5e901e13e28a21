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
