// Follows a run from the address that the page has named: how far it is, and its new frames, until it has ended. Then the
// page is told once, and shows the result.

const ASK_EVERY = 400, ASK_QUEUED = 1000, ASK_HIDDEN = 3000, ASK_AWAY = 2000, TELL_AGAIN = 8000; // milliseconds
const TOLD_IN_VAIN = 2; // times, until the whole script is run: the session may not know this part of the page

class Watch {
  constructor(player, address) {
    this.player = player;
    this.address = address;
    this.told = 0; // times that the page was told of the end
    this.frames = 0; // of the run, that have arrived
    this.stopper = new AbortController();
    const { signal } = this.stopper;
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.go(); }, { signal });
    this.go();
  }

  // Ask now, and on from there.
  async go() {
    if (this.looking) return;
    clearTimeout(this.waiting);
    this.looking = true;
    try {
      await this.look();
    } catch (error) {
      if (!this.stopper.signal.aborted) this.player.fail(error);
    } finally {
      this.looking = false;
    }
  }

  async look() {
    const { signal } = this.stopper;
    const answer = await ask(`${this.address}&after=${this.frames}`, { cache: "no-store", signal });
    const told = answer?.ok ? await arrived(answer.json(), signal) : null;
    if (told?.film) await this.take(told, signal);
    if (signal.aborted) return;
    if (told) this.player.tell(told.final ? { words: "Nearly done", share: 1 } : told);
    const over = answer?.status === 404 || told?.final;
    this.told = over ? this.told + 1 : 0;
    if (this.told > TOLD_IN_VAIN) document.dispatchEvent(new Event("page-unanswered")); // window/js/window.js
    else if (over) this.player.redraw();
    this.waiting = setTimeout(() => this.go(), over ? TELL_AGAIN : this.wait(told));
  }

  // A slice that has left the server meanwhile is asked for again by and by.
  async take(told, signal) {
    const bytes = await fetchFilm(told.film, signal);
    if (!bytes) return;
    await this.player.grow(bytes, told.first, signal);
    this.frames = told.frames;
  }

  wait(told) {
    if (!told) return ASK_AWAY * (0.7 + 0.6 * Math.random()); // the server restarts: not all in the same moment
    if (document.hidden) return ASK_HIDDEN;
    return told.state === "queued" ? ASK_QUEUED : ASK_EVERY;
  }

  stop() {
    this.stopper.abort();
    clearTimeout(this.waiting);
  }
}
