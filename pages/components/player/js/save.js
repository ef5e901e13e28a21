// Pictures to take home, made in the browser from the pixels that are shown.

const download = (canvas, film, steps, name) => savePng(canvas, { ...film.about, steps }, name);

// One picture, enlarged by a whole number so that its longer side has at least 512 pixels.
function savePicture(film, row, frame, sample) {
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
  return download(large, film, [film.steps[frame]], `${film.name}-step-${frame + 1}-${row.name}${sampleName}`);
}

// All visible rows at one frame: rows of the sheet are quantities, columns are samples.
function saveFrame(film, rows, frame, look) {
  const cells = rows.map((row) => Array.from({ length: film.batch }, (_, sample) => [row, frame, sample]));
  return saveSheet(film, rows, cells, film.columns, film.steps[frame], `${film.name}-step-${frame + 1}`, [frame], look);
}

// One sample over time: columns are the marked frames, or eight evenly spaced ones.
function saveContactSheet(film, rows, sample, look) {
  const last = film.count - 1;
  const even = Array.from({ length: Math.min(8, film.count) }, (_, i, all = Math.min(8, film.count)) => Math.round((i * last) / Math.max(1, all - 1)));
  const frames = film.marks.filter((mark) => mark <= last);
  if (frames.length < 2) frames.splice(0, frames.length, ...new Set(even));
  else if (frames.at(-1) !== last) frames.push(last);
  const cells = rows.map((row) => frames.map((frame) => [row, frame, sample]));
  const title = film.batch > 1 ? film.columns[sample] || `sample ${sample + 1}` : "";
  return saveSheet(film, rows, cells, frames.map((frame) => film.steps[frame]), title, `${film.name}-contact-sheet`, frames, look);
}

// `frames`: which steps are on it.
function saveSheet(film, rows, cells, columns, title, name, frames, look) {
  const size = Math.max(128, ...rows.map((row) => row.width));
  const gap = 12, margin = 28, labels = 96, head = title ? 44 : 12, names = columns.length ? 28 : 0;
  const across = cells[0].length;
  const sheet = document.createElement("canvas");
  sheet.width = margin * 2 + labels + across * (size + gap) - gap;
  sheet.height = margin * 2 + head + names + rows.length * (size + gap) - gap;
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
  cells.forEach((line, r) => {
    const top = margin + head + names + r * (size + gap);
    context.font = `italic 24px KaTeX_Main, Georgia, serif`;
    context.fillText(clip(context, texToText(rows[r].label), labels - 12), margin, top + size / 2);
    line.forEach(([row, frame, sample], c) => {
      paint(small, film, row, frame, sample);
      const scale = Math.max(1, Math.floor(size / Math.max(row.width, row.height)));
      context.drawImage(small, margin + labels + c * (size + gap), top, row.width * scale, row.height * scale);
    });
  });
  return download(sheet, film, frames.map((frame) => film.steps[frame]), name);
}

function clip(context, text, width) {
  let out = text;
  while (out.length > 1 && context.measureText(out).width > width) out = `${out.replace(/…$/, "").slice(0, -1)}…`;
  return out;
}
