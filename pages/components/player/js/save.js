// Pictures to take home, or to keep in the collection, made in the browser from the pixels that are shown.

/** @typedef {{canvas: HTMLCanvasElement, about: object, steps: string[], name: string, title: string}} Picture */

const download = ({ canvas, about, steps, name }) => savePng(canvas, { ...about, steps }, name);

// What made one picture of a film: where the run has prompts, seeds and γ by picture, that picture's.
function aboutSample({ about, batch }, sample) {
  const own = { ...about };
  for (const name of ["seeds", "gammas"]) if (about[name]?.length === batch) own[name] = [about[name][sample]];
  const columns = about.job?.params?.columns;
  if (columns?.length === batch && columns[sample].prompt) own.prompts = [columns[sample].prompt];
  return own;
}

// One picture, enlarged by a whole number so that its longer side has at least 512 pixels.
/** @returns {Picture} */
function onePicture(film, row, frame, sample) {
  const small = document.createElement("canvas");
  paint(small, film, row, frame, sample);
  const scale = Math.max(1, Math.ceil(512 / Math.max(row.width, row.height)));
  const large = document.createElement("canvas");
  large.width = row.width * scale;
  large.height = row.height * scale;
  const context = large.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, large.width, large.height);
  const sampleName = film.batch > 1 ? `-${sample + 1}` : "";
  const title = [captionOf(film, row, frame) || texToText(row.label), film.batch > 1 ? film.columns[sample] || `sample ${sample + 1}` : ""];
  return {
    canvas: large, about: aboutSample(film, sample), steps: [film.steps[frame]], title: title.filter(Boolean).join(" · "),
    name: `${film.name}-step-${frame + 1}-${row.name}${sampleName}`,
  };
}

const ACROSS = 10; // pictures in a line of a sheet

// All visible rows at one frame: a line for each quantity, columns are samples; the quantities of a single sample, which read
// like a sentence, stand beside each other.
/** @returns {Picture} */
function wholeFrame(film, rows, frame, look) {
  const name = `${film.name}-step-${frame + 1}`, title = film.steps[frame];
  if (film.batch === 1) {
    const cells = rows.map((row) => [row, frame, 0]);
    return sheetOf(film, rows, [{ label: "", cells }], rows.map((row) => row.caption || texToText(row.label)), title, name, [frame], look);
  }
  const samples = (row) => (row.once ? 1 : film.batch);
  const lines = rows.flatMap((row) => Array.from({ length: Math.ceil(samples(row) / ACROSS) }, (_, line) => ({
    label: line ? "" : texToText(row.label),
    cells: Array.from({ length: Math.min(ACROSS, samples(row) - line * ACROSS) }, (_unused, k) => [row, frame, line * ACROSS + k]),
  })));
  const columns = film.columns.slice(0, ACROSS);
  const named = film.columns.every((column, k) => column === columns[k % ACROSS]) ? columns : []; // of all lines or of none
  return sheetOf(film, rows, lines, named, title, name, [frame], look);
}

// One sample over time: columns are the marked frames, or eight evenly spaced ones.
/** @returns {Picture} */
function overTime(film, rows, sample, look) {
  const last = film.count - 1;
  const even = Array.from({ length: Math.min(8, film.count) }, (_, i, all = Math.min(8, film.count)) => Math.round((i * last) / Math.max(1, all - 1)));
  const frames = film.marks.filter((mark) => mark <= last);
  if (frames.length < 2) frames.splice(0, frames.length, ...new Set(even));
  else if (frames.at(-1) !== last) frames.push(last);
  const lines = rows.map((row) => ({ label: texToText(row.label), cells: frames.map((frame) => [row, frame, sample]) }));
  const title = film.batch > 1 ? film.columns[sample] || `sample ${sample + 1}` : "";
  return sheetOf(film, rows, lines, frames.map((frame) => film.steps[frame]), title, `${film.name}-contact-sheet`, frames, look);
}

// `frames`: which steps are on it.
/** @returns {Picture} */
function sheetOf(film, rows, lines, columns, title, name, frames, look) {
  const size = Math.max(128, ...rows.map((row) => row.width));
  const labelled = lines.some(({ label }) => label);
  const gap = 12, margin = 28, labels = labelled ? 96 : 0, head = title ? 44 : 12, names = columns.length ? 28 : 0;
  const across = Math.max(...lines.map(({ cells }) => cells.length));
  const sheet = document.createElement("canvas");
  sheet.width = margin * 2 + labels + across * (size + gap) - gap;
  sheet.height = margin * 2 + head + names + lines.length * (size + gap) - gap;
  const context = sheet.getContext("2d");
  context.fillStyle = look.background;
  context.fillRect(0, 0, sheet.width, sheet.height);
  context.fillStyle = look.text;
  context.imageSmoothingEnabled = false;
  context.textBaseline = "middle";
  context.font = `600 20px ${look.font}`;
  context.fillText(title, margin, margin + 12, sheet.width - 2 * margin);
  context.font = `15px ${look.font}`;
  columns.forEach((column, i) => {
    context.fillText(clip(context, column, size), margin + labels + i * (size + gap), margin + head + 10);
  });
  const small = document.createElement("canvas");
  lines.forEach(({ label, cells }, r) => {
    const top = margin + head + names + r * (size + gap);
    context.font = `italic 24px KaTeX_Main, Georgia, serif`;
    context.fillText(clip(context, label, labels - 12), margin, top + size / 2);
    cells.forEach(([row, frame, sample], c) => {
      paint(small, film, row, frame, sample);
      const scale = Math.max(1, Math.floor(size / Math.max(row.width, row.height)));
      context.drawImage(small, margin + labels + c * (size + gap), top, row.width * scale, row.height * scale);
    });
  });
  const shown = [...new Set(rows.map((row) => row.caption || texToText(row.label)))].join(", ");
  return { canvas: sheet, about: film.about, steps: frames.map((frame) => film.steps[frame]), name, title: shown };
}

function clip(context, text, width) {
  let out = text;
  while (out.length > 1 && context.measureText(out).width > width) out = `${out.replace(/…$/, "").slice(0, -1)}…`;
  return out;
}
