// How a film moves by itself: at 12 to 30 steps a second at 1×, once or in a loop, its pictures passing softly from frame
// to frame.

const SPEEDS = [0.25, 0.5, 1, 2, 4];
const REST = 900; // milliseconds at the end of a film that loops

class Motion {
  constructor(player) {
    this.player = player;
    this.toward = 0; // how far the pictures are faded into the next frame's, from 0 to 1; 0 while nothing plays
    this.speed = 1;
    const speed = player.part("speed");
    speed.replaceChildren(...SPEEDS.map((value) => new Option(`${value}×`, String(value), value === 1, value === 1)));
    speed.addEventListener("change", () => { this.speed = Number(speed.value); }, { signal: player.stopper.signal });
  }

  // From the first frame to the one on which the film opens, where it rests.
  open() {
    const opens = this.player.frame;
    this.player.seek(0);
    this.play(opens > 0 ? opens : this.last());
  }

  last() { return this.player.film.count - 1; }

  // As far as the frame `until`.
  play(until = this.last()) {
    const { player } = this;
    player.following = player.arriving = false;
    if (player.frame >= until) player.seek(0);
    const rate = clamp(player.film.total / 6, 12, 30); // steps per second at 1×
    let before = performance.now(), due = 0, reached = before;
    const tick = (now) => {
      due += ((now - before) / 1000) * rate * this.speed;
      before = now;
      if (due >= 1) {
        player.seek(Math.min(until, player.frame + Math.floor(due)));
        due %= 1;
      }
      this.fade(player.frame < until ? due : 0);
      if (player.frame >= until) {
        if (!this.loops) return this.pause(true);
        if (now - reached > REST) player.seek(0);
      } else reached = now;
      this.playing = requestAnimationFrame(tick);
    };
    this.playing = requestAnimationFrame(tick);
    this.showPlaying();
  }

  // Between two frames the pictures are mixtures, which are of no step; at rest each is exactly itself.
  fade(toward) {
    if (stands()) return;
    const { player } = this;
    this.toward = toward;
    if (player.waiting || player.comparing) return; // drawn anyhow, or held at the end
    player.stage.draw(player.frame, toward);
    player.lightbox.fade(player.frame, toward);
  }

  pause(settled = false) {
    if (!this.playing) return;
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.toward = 0;
    this.player.draw();
    this.showPlaying();
    if (settled) this.player.settle(true);
  }

  toggle() {
    if (this.playing) this.pause(true);
    else this.play();
  }

  loopOn(on) {
    this.loops = on;
    this.player.part("loop").setAttribute("aria-pressed", String(on));
  }

  loop() {
    this.loopOn(!this.loops);
    if (this.loops && !this.playing) this.play();
  }

  showPlaying() {
    const button = this.player.part("play");
    button.setAttribute("aria-label", this.playing ? "Pause" : "Play");
    button.classList.toggle("playing", Boolean(this.playing));
  }
}

// Whether less motion is asked for: a film that would play then shows where it would end, and no picture is a mixture.
const stands = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
