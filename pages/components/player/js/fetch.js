// What the server's own routes answer. Its address names a film's content, so the browser's cache does the rest.

const RETRY_FIRST = 500, RETRY_LAST = 8000; // milliseconds; while the server restarts or the network is gone
const AWAY = [502, 503, 504]; // what a proxy says then

// The bytes of a published film; null when the server has them no longer.
async function fetchFilm(address, signal) {
  for (let wait = RETRY_FIRST; ; wait = Math.min(2 * wait, RETRY_LAST)) {
    const answer = await ask(address, { signal });
    if (answer?.status === 404) return null;
    const bytes = answer && (await arrived(answer.arrayBuffer(), signal));
    if (bytes) return new Uint8Array(bytes);
    await rest(wait, signal);
  }
}

// The server's answer; null when there is none at the moment. Throws the sentence with which it refuses.
async function ask(address, options) {
  const answer = await arrived(fetch(address, options), options.signal);
  if (!answer || AWAY.includes(answer.status)) return null;
  if (answer.ok || answer.status === 404) return answer;
  const told = (answer.headers.get("Content-Type") ?? "").includes("json") ? (await answer.json()).error : "";
  throw new Error(told || `the server answered ${answer.status}`);
}

// What was under way; null when the network lost it, which is no mistake of anybody's.
function arrived(promise, signal) {
  return promise.catch((error) => {
    if (signal.aborted || !(error instanceof TypeError)) throw error;
    console.debug("player:", error);
    return null;
  });
}

function rest(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const waiting = setTimeout(resolve, milliseconds * (0.7 + 0.6 * Math.random())); // not all in the same moment
    signal.addEventListener("abort", () => { clearTimeout(waiting); reject(signal.reason); }, { once: true });
  });
}
