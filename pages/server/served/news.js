// Asks the server whether the jobs of a part of the page have got on, and has that part drawn again when they have.

const ASK_HIDDEN = 3000, ASK_AWAY = 2000, TELL_AGAIN = 8000; // milliseconds
const TOLD_IN_VAIN = 2; // times, until the whole script is run: the session may not know this part of the page

const listeners = new WeakMap(); // element -> what ends its listening

/**
 * What a part of the page has to be told: where to ask, what it has seen, and how often to ask, in milliseconds.
 * @typedef {{address: string, seen: string, every: number}} Watched
 * What the server says: the word for how far the jobs are, and whether they have ended.
 * @typedef {{word: string, over: boolean}} News
 */

/** @param {{data: Watched, parentElement: HTMLElement, setTriggerValue: (name: string, value: string) => void}} component */
export default function ({ data, parentElement, setTriggerValue }) {
  listeners.get(parentElement)?.abort();
  const stopper = new AbortController();
  const { signal } = stopper;
  listeners.set(parentElement, stopper);
  const tell = whileHere(setTriggerValue);
  let waiting = 0, looking = false, tells = 0;

  const look = async () => {
    if (looking) return;
    clearTimeout(waiting);
    looking = true;
    const told = await ask(`${data.address}&seen=${data.seen}`, signal);
    looking = false;
    if (signal.aborted) return;
    const news = told !== null && (told.over || told.word !== data.seen);
    tells = news ? tells + 1 : 0;
    if (tells > TOLD_IN_VAIN) document.dispatchEvent(new Event("page-unanswered")); // components/window/js/window.js
    else if (news) tell("news", told.word);
    // Until the part has been drawn with the news, this goes on; then it is called anew, and knows them.
    waiting = setTimeout(look, news ? TELL_AGAIN : wait(told));
  };

  const wait = (/** @type {News | null} */ told) => {
    if (told === null) return ASK_AWAY * (0.7 + 0.6 * Math.random()); // the server restarts: not all in the same moment
    return document.hidden ? Math.max(ASK_HIDDEN, data.every) : data.every;
  };

  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); }, { signal });
  signal.addEventListener("abort", () => clearTimeout(waiting));
  waiting = setTimeout(look, data.every);
  return () => stopper.abort();
}

/**
 * The server's answer; null when there is none at the moment. One that refuses has the page drawn, which says why.
 * @param {string} address
 * @param {AbortSignal} signal
 * @returns {Promise<News | null>}
 */
async function ask(address, signal) {
  try {
    const answer = await fetch(address, { cache: "no-store", signal });
    if (answer.ok) return await answer.json();
    return [403, 404].includes(answer.status) ? { word: "", over: true } : null;
  } catch (error) {
    if (!signal.aborted) console.debug("job news:", error);
    return null;
  }
}
