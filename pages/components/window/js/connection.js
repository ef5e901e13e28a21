// The connection over which Streamlit draws the page. When it was gone and is there again, the server may have begun anew,
// or have let the session go: then it knows none of the page's fragments, and whatever is pressed inside one is lost. So
// the whole script is run again, with what the controls hold; each part of the page is known then, and goes on.

const GONE_AFTER = 1500; // milliseconds without a connection until it is said
const AGAIN_WITHIN = 800; // not a whole class in the same moment
const EMPTY_FOR = 3000; // milliseconds without anything on the page until it is loaded anew
const GONE = "The connection to the server is gone. What is being computed goes on there, and this page goes on by itself "
  + "as soon as the connection is back.";

class Connection {
  constructor() {
    this.lost = this.told = false;
    this.notice = this.again = null; // of the page that is shown
    const style = document.createElement("style"); // Streamlit's own words for it tell a programmer what to type
    style.textContent = `html[data-connection="gone"] [data-testid="stDialog"] { display: none; }`;
    document.head.append(style);
    /** @type {HTMLElement | null} */
    const app = document.querySelector("[data-test-connection-state]"); // Streamlit says so on the app's root
    if (!app) throw new Error("Streamlit no longer says how its connection is: adjust connection.js");
    this.app = app;
    const look = () => this.look(app.dataset.testConnectionState === "CONNECTED");
    new MutationObserver(look).observe(app, { attributes: true, attributeFilter: ["data-test-connection-state"] });
    look();
  }

  lend(notice, again) {
    Object.assign(this, { notice, again });
    this.show();
    if (this.due) this.runAgain();
  }

  takeBack(notice) {
    if (this.notice === notice) this.notice = this.again = null;
  }

  look(here) {
    if (here === !this.lost) return;
    this.lost = !here;
    clearTimeout(this.waiting);
    this.waiting = here
      ? setTimeout(() => this.runAgain(), AGAIN_WITHIN * Math.random())
      : setTimeout(() => this.show(true), GONE_AFTER);
    if (here) this.show(false);
  }

  // Has the whole script run; as soon as there is a page that can ask for it.
  runAgain() {
    this.due = !this.again;
    this.again?.();
    clearTimeout(this.checking);
    this.checking = setTimeout(() => this.check(), EMPTY_FOR);
  }

  // When a connection is cut in the middle of a run, Streamlit can miss what that run has drawn and hear of its end: then it
  // takes everything off the page, this component too, and nothing is left to ask by. The address holds the state.
  check() {
    if (this.lost || this.again) return;
    if (this.app.dataset.testScriptState === "notRunning") location.reload();
    else this.checking = setTimeout(() => this.check(), EMPTY_FOR);
  }

  show(told = this.told) {
    this.told = told;
    document.documentElement.dataset.connection = told ? "gone" : "here";
    if (!this.notice) return;
    this.notice.textContent = told ? GONE : "";
    this.notice.hidden = !told;
  }
}
