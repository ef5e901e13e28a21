// What a tab keeps for itself, as text by name. Where the browser's storage is switched off (a blocked cookie is enough) or
// full, the page's own memory serves until the next refresh.

const tabMemory = (globalThis.__tabMemory ??= new Map());

function keptInTab(name) {
  if (tabMemory.has(name)) return tabMemory.get(name);
  try {
    return sessionStorage.getItem(name);
  } catch { // switched off
    return null;
  }
}

function keepInTab(name, text) {
  try {
    sessionStorage.setItem(name, text);
    tabMemory.delete(name);
  } catch { // switched off, or full
    tabMemory.set(name, text);
  }
}
