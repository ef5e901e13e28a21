// The pictures: one band per row (quantity), one tile per column (sample). With a single sample the rows stand
// beside each other instead, so that x_t, its clean estimate and the noise are read like a sentence.

const STAGE = { gap: 8, label: 104, narrowLabel: 76, tallest: 0.56, allRows: 0.75 };

class Stage {
  constructor(host, onEnlarge) {
    this.host = host;
    this.onEnlarge = onEnlarge;
    this.tiles = [];
  }

  // Build the tiles for the visible rows. `width` is the room in CSS pixels.
  show(film, rows, width) {
    const single = film.batch === 1;
    const { size, wrapped, stacked } = this.measure(film, rows, width, single);
    const signature = JSON.stringify([rows.map((r) => [r.name, r.label, r.caption, r.width, r.height]), film.columns, film.batch, size, wrapped, stacked]);
    this.film = film;
    if (signature === this.signature) {
      for (const tile of this.tiles) tile.row = rows.find((row) => row.name === tile.row.name);
      return;
    }
    this.signature = signature;
    this.tiles = [];
    this.host.className = `stage ${single ? "single" : "grid"} ${stacked ? "stacked" : ""}`;
    this.host.replaceChildren(...rows.map((row, i) => this.band(film, row, size, single, wrapped || i === 0)));
  }

  measure(film, rows, width, single) {
    const native = Math.max(...rows.map((row) => row.width));
    const across = single ? rows.length : film.batch;
    const tallest = single ? STAGE.tallest : Math.min(STAGE.tallest, STAGE.allRows / rows.length); // of the window
    const cap = Math.max(128, Math.min(single ? 448 : 256, tallest * window.innerHeight));
    const stacked = !single && width < 560;
    const label = width < 720 ? STAGE.narrowLabel : STAGE.label;
    this.host.style.setProperty("--label", `${label - STAGE.gap}px`);
    const room = width - (single || stacked ? 0 : label);
    const least = native <= 32 ? 40 : single ? 96 : 64;
    let size = (room - STAGE.gap * (across - 1)) / across;
    const wrapped = size < least;
    if (wrapped) {
      const comfortable = native <= 32 ? 56 : 96;
      const fits = Math.max(1, Math.floor((room + STAGE.gap) / (comfortable + STAGE.gap)));
      const even = Math.ceil(across / Math.ceil(across / fits)); // 5 in lines of 3 and 2, not of 4 and 1
      size = (room - STAGE.gap * (even - 1)) / even;
    }
    return { size: Math.min(size, cap), wrapped, stacked };
  }

  band(film, row, size, single, named) {
    const band = document.createElement("div");
    band.className = "band";
    const label = document.createElement("div");
    label.className = "label";
    label.append(texToMath(row.label));
    if (row.caption) {
      const words = document.createElement("span");
      words.className = "words";
      words.textContent = row.caption;
      label.append(words);
    }
    const line = document.createElement("div");
    line.className = "line";
    const [w, h] = fit(size, row);
    for (let sample = 0; sample < film.batch; sample++) {
      const figure = document.createElement("figure");
      figure.className = "tile";
      figure.style.width = `${w}px`;
      const canvas = document.createElement("canvas");
      canvas.setAttribute("role", "img");
      canvas.style.width = `${w}px`;
      canvas.style.height = `${h}px`;
      canvas.dataset.row = row.name;
      canvas.dataset.sample = String(sample);
      canvas.title = "Click to enlarge";
      canvas.addEventListener("click", () => this.onEnlarge(row.name, sample));
      figure.append(canvas);
      if (named && film.columns[sample]) {
        const name = document.createElement("figcaption");
        name.textContent = film.columns[sample];
        name.title = film.columns[sample];
        figure.append(name);
      }
      line.append(figure);
      this.tiles.push({ canvas, row, sample });
    }
    if (single) {
      band.style.width = `${w}px`;
      band.append(line, label);
    }
    else band.append(label, line);
    return band;
  }

  draw(frame) {
    for (const { canvas, row, sample } of this.tiles) paint(canvas, this.film, row, frame, sample);
  }

  // Words for screen readers; not while the hand is moving.
  describe(frame) {
    for (const { canvas, row, sample } of this.tiles) canvas.setAttribute("aria-label", describe(this.film, row, frame, sample));
  }
}

// CSS width and height of a picture: a whole number of device pixels per picture pixel, unless that would waste
// more than a quarter of the room.
function fit(size, row) {
  const ratio = window.devicePixelRatio || 1;
  const native = Math.max(row.width, row.height);
  const exact = (size * ratio) / native;
  const whole = Math.floor(exact);
  const scale = (whole >= 0.75 * exact ? whole : Math.floor(size * ratio) / native) / ratio;
  return [row.width * scale, row.height * scale];
}

function describe(film, row, frame, sample) {
  const what = [row.caption || texToText(row.label)];
  if (film.batch > 1) what.push(film.columns[sample] || `sample ${sample + 1}`);
  if (row.frames > 1) what.push(film.steps[frame], `frame ${frame + 1} of ${film.total}`);
  return what.join(", ");
}
