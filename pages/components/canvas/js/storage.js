// Drawings are kept in the tab's own storage: they outlive a page switch and a refresh, and no later user of the
// machine finds them. Where the storage is switched off or full, the tab's memory serves until the next refresh.

const PREFIX = "canvas|";
const ENTRIES = 24; // drawings kept in one tab
const memory = (globalThis.__drawings ??= new Map());

function loadDrawing(name) {
  try {
    return sessionStorage.getItem(PREFIX + name) ?? memory.get(name) ?? null;
  } catch { // switched off
    return memory.get(name) ?? null;
  }
}

// Returns whether a refresh will find it.
function saveDrawing(name, text) {
  try {
    makeRoom(ENTRIES - 1, name);
    try {
      sessionStorage.setItem(PREFIX + name, text);
    } catch { // full: the older drawings of this tab make room
      makeRoom(0, name);
      sessionStorage.setItem(PREFIX + name, text);
    }
    memory.delete(name);
    return true;
  } catch {
    memory.set(name, text);
    try {
      sessionStorage.removeItem(PREFIX + name); // an older state must not come back in place of this one
    } catch {
      return false;
    }
    return false;
  }
}

function dropDrawing(name) {
  memory.delete(name);
  try {
    sessionStorage.removeItem(PREFIX + name);
  } catch {
    return; // switched off: there is nothing to drop
  }
}

// Removes the oldest of the other drawings until `count` are left.
function makeRoom(count, name) {
  const others = Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX) && key !== PREFIX + name);
  if (others.length <= count) return;
  const age = (key) => Number(/"saved":(\d+)/.exec(sessionStorage.getItem(key).slice(0, 60))?.[1] ?? 0);
  for (const key of others.sort((a, b) => age(a) - age(b)).slice(0, others.length - count)) sessionStorage.removeItem(key);
}
