// One picture as large as the screen allows, for a projector. The arrow keys still move the cursor.

class Lightbox {
  constructor(dialog, player) {
    this.dialog = dialog;
    this.player = player;
    this.canvas = dialog.querySelector("canvas");
    this.range = dialog.querySelector(".large-range");
    this.sample = 0;
    const click = (name, action) => dialog.querySelector(`.${name}`).addEventListener("click", action);
    click("close", () => dialog.close());
    click("other-row", () => this.next(1, 0));
    click("other-sample", () => this.next(0, 1));
    const picture = () => onePicture(player.film, this.row, player.frame, this.sample);
    click("save-picture", () => player.save(() => download(picture())));
    click("keep-picture", () => player.keep(picture));
    document.addEventListener("pictures-left", () => dialog.close(), { signal: player.stopper.signal });
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("close", () => player.timeline.range.focus({ preventScroll: true }));
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        this.next(event.key === "ArrowDown" ? 1 : -1, 0);
      }
    });
    this.range.addEventListener("input", () => player.grab(Number(this.range.value), false));
    this.range.addEventListener("change", () => player.grab(Number(this.range.value), true));
    this.resized = () => { if (dialog.open) this.draw(this.frame); };
    window.addEventListener("resize", this.resized, { signal: player.stopper.signal });
    onPixelRatio(this.resized, player.stopper.signal);
  }

  // The picture alone, on its way to the next frame's.
  fade(frame, toward) {
    if (this.dialog.open) paint(this.canvas, this.player.film, this.row, frame, this.sample, toward);
  }

  open(name, sample) {
    this.row = this.player.film.rows.find((row) => row.name === name);
    this.sample = sample;
    if (!this.dialog.open) this.dialog.showModal();
    this.range.focus();
    this.player.draw();
  }

  show(film) {
    this.sample = Math.min(this.sample, film.batch - 1);
    this.row = film.rows.find((row) => row.name === this.row?.name) ?? film.rows[0];
    this.dialog.querySelector(".other-row").hidden = film.rows.length < 2;
    this.dialog.querySelector(".other-sample").hidden = film.batch < 2;
    this.range.max = film.count - 1;
  }

  next(rows, samples) {
    const film = this.player.film;
    const step = (value, by, count) => (value + by + count) % count;
    this.row = film.rows[step(film.rows.indexOf(this.row), rows, film.rows.length)];
    this.sample = step(this.sample, samples, film.batch);
    this.player.draw();
  }

  draw(frame, toward = 0) {
    this.frame = frame;
    if (!this.dialog.open) return;
    const { film } = this.player;
    const [w, h] = fit(Math.min(window.innerWidth * 0.94, window.innerHeight - 190), this.row);
    this.canvas.style.width = `${w}px`;
    this.canvas.style.height = `${h}px`;
    this.fade(frame, toward);
    this.canvas.dataset.row = this.row.name;
    this.canvas.dataset.sample = String(this.sample);
    this.canvas.setAttribute("aria-label", describe(film, this.row, frame, this.sample));
    this.range.value = frame;
    this.range.setAttribute("aria-valuetext", `${film.steps[frame]}, frame ${frame + 1} of ${film.total}`);
    const title = this.dialog.querySelector(".large-title");
    title.replaceChildren(texToMath(this.row.label));
    const words = [captionOf(film, this.row, frame), film.columns[this.sample]].filter(Boolean).join(" · ");
    if (words) title.append(` ${words}`);
    this.dialog.querySelector(".large-step").textContent = `${film.steps[frame]} · frame ${frame + 1} of ${film.total}`;
  }
}
