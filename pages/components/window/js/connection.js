// The connection over which Streamlit draws the page. When it was gone and is there again, the server may have begun anew,
// or have let the session go: then it knows none of the page's fragments, and whatever is pressed inside one is lost. So
// the whole script is run again, with what the controls hold; each part of the page is known then, and goes on.

const GONE_AFTER = 1500; // milliseconds without a connection until it is said
const AGAIN_WITHIN = 800; // not a whole class in the same moment
const GONE = "The connection to the server is gone. What is being computed goes on there, and this page goes on by itself "
  + "as soon as the connection is back.";

class Connection {
  constructor(notice, again, signal) {
    this.notice = notice;
    this.again = again;
    this.signal = signal;
    this.lost = false;
    this.style = document.createElement("style"); // Streamlit's own words for it tell a programmer what to type
    this.style.textContent = `html[data-connection="gone"] [data-testid="stDialog"] { display: none; }`;
    document.head.append(this.style);
    this.observer = new MutationObserver(() => this.look());
    signal.addEventListener("abort", () => this.stop());
    this.find();
  }

  // Streamlit says on the app's root how its connection is.
  find() {
    this.app = document.querySelector("[data-test-connection-state]");
    if (!this.app) throw new Error("Streamlit no longer says how its connection is: adjust connection.js");
    this.observer.observe(this.app, { attributes: true, attributeFilter: ["data-test-connection-state"] });
    this.look();
  }

  look() {
    const here = this.app.dataset.testConnectionState === "CONNECTED";
    if (here === !this.lost) return;
    this.lost = !here;
    clearTimeout(this.waiting);
    if (!here) {
      this.waiting = setTimeout(() => this.say(true), GONE_AFTER);
      return;
    }
    this.say(false);
    this.waiting = setTimeout(() => this.again(), AGAIN_WITHIN * Math.random());
  }

  say(gone) {
    this.notice.textContent = gone ? GONE : "";
    this.notice.hidden = !gone;
    document.documentElement.dataset.connection = gone ? "gone" : "here";
  }

  stop() {
    clearTimeout(this.waiting);
    this.observer.disconnect();
    this.style.remove();
    delete document.documentElement.dataset.connection;
  }
}
