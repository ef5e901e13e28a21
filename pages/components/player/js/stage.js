// The pictures: one band per row (quantity), one tile per column (sample). With a single sample the rows stand
// beside each other instead, so that x_t, its clean estimate and the noise are read like a sentence.

const STAGE = { gap: 8, bands: 10, label: 92, narrowLabel: 68, name: 24, below: 36, betweenLines: 12, stacked: 26, least: 28, sign: 30, narrowSign: 18, alike: 0.94, narrowAlike: 0.75 };

class Stage {
  constructor(host, onEnlarge) {
    this.host = host;
    this.onEnlarge = onEnlarge;
    this.tiles = [];
    this.words = [];
  }

  // Build the tiles for the visible rows, as large as a box of `width` by `height` CSS pixels allows. What the rows are called
  // at this frame is there at once: whoever measures the stage next would find it lower without.
  show(film, rows, width, height, frame) {
    const single = film.batch === 1;
    this.signs = signsOf(film, single ? rows : []);
    const plan = this.plan(film, rows, width, height, single);
    this.size = plan.size;
    const signature = JSON.stringify([rows.map((r) => [r.name, r.label, r.caption, r.width, r.height]), film.columns, film.batch, plan]);
    this.film = film;
    if (signature === this.signature) {
      for (const tile of this.tiles) tile.row = rows.find((row) => row.name === tile.row.name);
      return;
    }
    this.signature = signature;
    this.tiles = [];
    this.words = [];
    this.host.className = `stage ${single ? "single" : "grid"} ${plan.stacked ? "stacked" : ""}`;
    this.host.style.setProperty("--label", `${plan.label}px`);
    const widest = Math.max(...rows.map((row) => fit(plan.size, row)[0])); // in whole pixels less than the plan's size
    this.host.style.setProperty("--line", `${Math.ceil(plan.inLine * (widest + STAGE.gap) + plan.signs)}px`);
    this.host.style.setProperty("--sign", `${plan.sign}px`);
    // Names of columns: below each picture where these stand in several lines, else once, above what stands below each other.
    const named = (i) => (plan.lines > 1 || rows.length === 1 ? "below" : i === 0 ? "above" : "");
    const bands = rows.map((row, i) => this.band(film, row, plan.size, single, named(i)));
    this.say(frame);
    this.host.replaceChildren(...bands);
  }

  // How many pictures stand in a line, so that they are largest: all rows and samples are to be seen at once. Of plans that are
  // about as large, the lowest: it leaves room for the curves.
  plan(film, rows, width, height, single) {
    const across = single ? rows.length : film.batch, down = single ? 1 : rows.length;
    const tall = Math.max(...rows.map((row) => row.height / Math.max(row.width, row.height)));
    const stacked = !single && width < 560 && tall > 0.5; // of low pictures the names would be taller than they are
    const label = (width < 720 ? STAGE.narrowLabel : STAGE.label) - STAGE.gap;
    const room = width - (single || stacked ? 0 : label + STAGE.gap);
    const named = !single && film.columns.some(Boolean) ? STAGE.name : 0;
    const sign = width < 720 ? STAGE.narrowSign : STAGE.sign, signed = this.signs.size;
    const plans = [];
    for (let lines = 1; lines <= across; lines++) {
      const inLine = Math.ceil(across / lines); // 5 in lines of 3 and 2, not of 4 and 1
      if (Math.ceil(across / inLine) !== lines) continue;
      const signs = sign * Math.min(signed, inLine);
      const byWidth = (room - STAGE.gap * (inLine - 1) - signs) / inLine;
      const words = single
        ? lines * STAGE.below + (lines - 1) * STAGE.betweenLines
        : down * ((stacked ? STAGE.stacked : 0) + (lines - 1) * STAGE.gap) + (down - 1) * STAGE.bands + named * (lines > 1 ? down * lines : 1);
      const size = Math.max(STAGE.least, Math.floor(Math.min(byWidth, (height - words) / (down * lines * tall))));
      plans.push({ size, seen: Math.max(...fit(size, rows[0])), inLine, lines, stacked, label, sign, signs }); // what whole pixels leave of the size
    }
    const alike = width < 720 ? STAGE.narrowAlike : STAGE.alike; // a low figure leaves a phone more of what is read
    const largest = Math.max(...plans.map((plan) => plan.seen));
    return plans.find((plan) => plan.seen >= alike * largest); // fewest lines first, which are the lowest
  }

  band(film, row, size, single, named) {
    const band = document.createElement("div");
    band.className = "band";
    const label = document.createElement("div");
    label.className = "label";
    label.append(texToMath(row.label));
    markQuantity(band, row.label);
    const line = document.createElement("div"), words = document.createElement("span");
    line.className = "line";
    words.className = "words";
    if (row.caption) this.words.push([words, row]);
    const [w, h] = fit(size, row);
    for (let sample = 0; sample < (row.once ? 1 : film.batch); sample++) {
      const figure = document.createElement("figure");
      figure.className = "tile";
      figure.style.width = `${w}px`;
      const canvas = document.createElement("canvas");
      canvas.setAttribute("role", "img");
      canvas.style.width = `${w}px`;
      canvas.style.height = `${h}px`;
      if (row.drawn && w * (window.devicePixelRatio || 1) < row.width) canvas.style.imageRendering = "auto"; // lines stay whole
      canvas.dataset.row = row.name;
      canvas.dataset.sample = String(sample);
      canvas.title = "Click to enlarge";
      canvas.addEventListener("click", () => this.onEnlarge(row.name, sample));
      figure.append(canvas);
      if (named && film.columns[sample]) {
        const name = document.createElement("figcaption");
        name.textContent = film.columns[sample];
        name.title = film.columns[sample];
        if (named === "above") figure.prepend(name);
        else figure.append(name);
      }
      line.append(figure);
      this.tiles.push({ canvas, row, sample });
    }
    const besides = row.once && !single; // of all samples: the rest of its line is free for its words
    if (row.caption) (besides ? line : label).append(words);
    if (single) {
      band.style.width = `${w}px`;
      if (this.signs.has(row.name)) band.append(this.sign(this.signs.get(row.name), h));
      band.append(line, label);
    }
    else band.append(label, line);
    return band;
  }

  // Between two pictures, half way down them.
  sign(text, height) {
    const sign = document.createElement("span");
    sign.className = "sign";
    sign.textContent = text;
    sign.style.height = `${height}px`;
    return sign;
  }

  say(frame) {
    for (const [words, row] of this.words) setText(words, captionOf(this.film, row, frame));
  }

  draw(frame, toward = 0) {
    this.say(frame);
    for (const { canvas, row, sample } of this.tiles) paint(canvas, this.film, row, frame, sample, toward);
  }

  // Words for screen readers; not while the hand is moving.
  describe(frame) {
    for (const { canvas, row, sample } of this.tiles) canvas.setAttribute("aria-label", describe(this.film, row, frame, sample));
  }
}

// Row to sign, where the picture that it joins the row to is shown too: without that the equation would be another.
function signsOf(film, rows) {
  const joined = rows.filter((row) => row.sign && rows.includes(film.rows[film.rows.indexOf(row) - 1]));
  return new Map(joined.map((row) => [row.name, row.sign]));
}

// CSS width and height of a picture: a whole number of device pixels per picture pixel, unless that would waste
// more than an eighth of the room.
function fit(size, row) {
  const ratio = window.devicePixelRatio || 1;
  const native = Math.max(row.width, row.height);
  const exact = (size * ratio) / native;
  const whole = Math.floor(exact);
  const scale = (whole >= 0.88 * exact ? whole : Math.floor(size * ratio) / native) / ratio;
  return [row.width * scale, row.height * scale];
}

// What stands beside a row: of x_t at the end of a run not that it is noisy.
function captionOf(film, row, frame) {
  return (frame === film.total - 1 && row.ends) || row.caption;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text; // twelve times a second the same
}

function describe(film, row, frame, sample) {
  const what = [captionOf(film, row, frame) || texToText(row.label)];
  if (film.batch > 1) what.push(film.columns[sample] || `sample ${sample + 1}`);
  if (row.frames > 1) what.push(film.steps[frame], `frame ${frame + 1} of ${film.total}`);
  return what.join(", ");
}
