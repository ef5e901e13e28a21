// What was kept, in this browser alone (IndexedDB): it outlives a restart, and nothing of it goes to the server. Where storage is
// blocked, this tab holds it until it is closed or reloaded, and says so. The page's window keeps, the page "Collection" shows.

const COLLECTION = { name: "collection", version: 1, pictures: "pictures", notes: "notes" };
const OPENS_WITHIN = 6000; // milliseconds; a browser that blocks storage may never answer

const STORAGE_BLOCKED = "This browser keeps nothing for this page (a private window, or its storage is blocked), so what you keep "
  + "is here only until this tab is closed or reloaded: export it before that.";
const STORAGE_FULL = "This browser has no more room for this page, so the picture was not kept: export the collection and take "
  + "some pictures out of it, or save this one as a file.";

/**
 * @typedef {object} Kept
 * @property {string} id
 * @property {number} at when it was kept, in milliseconds since 1970
 * @property {Uint8Array<ArrayBuffer>} png the file, with its origin inside
 * @property {{[name: string]: any}} about what made it: core/provenance.py's names; {runs: […]} for several runs in one picture
 * @property {string[]} steps those that are shown, as the player names them
 * @property {string} code of the lesson, "A4"; "" for another page
 * @property {string} title what is shown
 * @property {string} link the page in that state
 * @property {string} caption the student's own words
 * @property {string | null} task what it is kept for: a task's id, "" for none, null for what fits the lesson
 */

class Full extends Error {}

class Collection {
  constructor() {
    this.blocked = false;
    this.memory = { pictures: new Map(), notes: new Map() }; // of this tab, where storage is blocked
    this.channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(COLLECTION.name);
  }

  /** @returns {Promise<IDBDatabase | null>} null where storage is blocked */
  database() {
    this.opening ??= openDatabase().then((found) => {
      found.onclose = found.onversionchange = () => { found.close(); this.opening = null; };
      return found;
    }).catch((error) => {
      console.debug("collection:", error);
      this.blocked = true;
      return null;
    });
    return this.opening;
  }

  // Throws Full, and what else a browser may say against it: then nothing has changed.
  async put(store, value, key) {
    const database = await this.database();
    if (database) await inStore(database, store, "readwrite", (place) => place.put(value, key));
    else this.memory[store].set(key ?? value.id, value);
    this.changed();
  }

  async remove(id) {
    const database = await this.database();
    if (database) await inStore(database, COLLECTION.pictures, "readwrite", (place) => place.delete(id));
    else this.memory.pictures.delete(id);
    this.changed();
  }

  /** @returns {Promise<{kept: Kept[], broken: string[]}>} in the order in which they were kept; ids of what cannot be read */
  async all() {
    const database = await this.database();
    const found = database
      ? await inStore(database, COLLECTION.pictures, "readonly", (place) => place.getAll())
      : [...this.memory.pictures.values()];
    const kept = found.filter(isKept).sort((a, b) => a.at - b.at);
    return { kept, broken: found.filter((value) => !isKept(value)).map((value) => value.id) };
  }

  async note(name) {
    const database = await this.database();
    if (!database) return this.memory.notes.get(name);
    return inStore(database, COLLECTION.notes, "readonly", (place) => place.get(name));
  }

  changed() {
    this.channel?.postMessage("changed"); // to other tabs
    document.dispatchEvent(new Event("collection-changed"));
  }
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("storage does not answer")), OPENS_WITHIN);
    const asked = indexedDB.open(COLLECTION.name, COLLECTION.version);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore(COLLECTION.pictures, { keyPath: "id" });
      asked.result.createObjectStore(COLLECTION.notes);
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = asked.onblocked = () => reject(asked.error ?? new Error("storage is blocked"));
  });
}

// One request as one transaction; done when it is on the disk.
function inStore(database, store, mode, ask) {
  return new Promise((resolve, reject) => {
    const fail = (error) => reject(error?.name === "QuotaExceededError" ? new Full(STORAGE_FULL) : error);
    try {
      const transaction = database.transaction(store, mode, { durability: "strict" });
      const asked = ask(transaction.objectStore(store));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = transaction.onabort = () => fail(transaction.error ?? asked.error);
    } catch (error) {
      fail(error);
    }
  });
}

const PNG_BEGINS = [137, 80, 78, 71];

function isKept(value) {
  const texts = ["id", "code", "title", "link", "caption"].every((name) => typeof value?.[name] === "string");
  return texts && value.png instanceof Uint8Array && PNG_BEGINS.every((byte, k) => value.png[k] === byte)
    && Number.isFinite(value.at) && Array.isArray(value.steps) && typeof value.about === "object" && value.about !== null;
}

// One for all scripts of the page.
/** @type {Collection} */
const collection = (globalThis.__collection ??= new Collection());
