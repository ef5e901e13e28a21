// The window is the same for every page; the component is mounted anew with each. What is set up here once stays as long as
// the document does; the component of the page that is shown lends it the place for a notice, and the way to the server.

export default function ({ data, parentElement, setTriggerValue }) {
  const notice = parentElement.querySelector(".notice");
  const set = (globalThis.__pageWindow ??= { connection: null });
  if (!set.connection) {
    quietHistory(data.underway);
    survivesTranslation();
    printsWhole();
    unfoldsByItself();
    arrowsInTheMenu();
    keepsPopoversInPlace();
    keepsPictures();
    watchesWays();
    set.connection = new Connection();
    document.addEventListener("page-unanswered", () => set.connection.runAgain());
  }
  Object.assign(keeping, { page: data.page, pages: data.pages });
  if (location.pathname !== leaving.from) leaving.from = ""; // arrived
  rail(data);
  set.connection.lend(notice, () => setTriggerValue("again", Date.now()));
  return () => set.connection.takeBack(notice);
}
