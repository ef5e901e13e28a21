// What a tab keeps for itself, as text by name. Where the browser's storage is switched off (a blocked cookie is enough), the
// page's own memory serves until the next refresh.

const tabMemory = (globalThis.__tabMemory ??= new Map());

function keptInTab(name) {
  try {
    return sessionStorage.getItem(name);
  } catch (error) { // switched off
    return tabMemory.get(name) ?? null;
  }
}

function keepInTab(name, text) {
  try {
    sessionStorage.setItem(name, text);
  } catch (error) { // switched off, or full
    tabMemory.set(name, text);
  }
}
