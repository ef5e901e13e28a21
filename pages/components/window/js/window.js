// Once for every page.

const windows = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const notice = parentElement.querySelector(".notice");
  let known = windows.get(notice);
  if (!known) {
    known = { stopper: new AbortController() };
    windows.set(notice, known);
    const { signal } = known.stopper;
    new Connection(notice, () => known.again("again", Date.now()), signal);
    quietHistory(data.underway, signal);
    survivesTranslation(signal);
    // A part of the page that the server does not answer.
    document.addEventListener("page-unanswered", () => known.again("again", Date.now()), { signal });
  }
  known.again = setTriggerValue;
  return () => {
    known.stopper.abort();
    windows.delete(notice);
  };
}
