// From the click on a way to another page until the server has answered, the old page still stands there. What tells the
// server something in that moment, a film that comes to its end, has it draw the old page once more, and Streamlit (1.67)
// then goes back to it, or mixes the two and breaks.

const LEAVES_WITHIN = 20_000; // milliseconds; whoever is still there then has not left
const leaving = (globalThis.__leaving ??= {
  from: "",
  times: 0,
  at: 0,
  begin() {
    this.from = location.pathname;
    this.times += 1;
    this.at = performance.now();
  },
  /** Whether a way was taken, and the server has not answered yet. */
  get underway() { return location.pathname === this.from && performance.now() - this.at < LEAVES_WITHIN; },
});
