// Tasks, and which of the kept pictures is for which.

/** @typedef {{id: string, lesson: string, title: string, text: string, pictures: number, path: string}} Task */

function areTasks(found) {
  const texts = ["id", "lesson", "title", "text", "path"];
  return typeof found?.title === "string" && Array.isArray(found.tasks) && found.tasks.every((task) =>
    texts.every((name) => typeof task?.[name] === "string") && Number.isInteger(task.pictures));
}

/**
 * A picture is for the task that was chosen; else for the first of its lesson's that still lacks one.
 * @param {Kept[]} all
 * @param {Task[]} tasks
 * @returns {Map<string, Kept[]>} by the task's id
 */
function assigned(all, tasks) {
  const found = new Map(tasks.map(({ id }) => [id, []]));
  const chosen = (kept) => (kept.task === "" || found.has(kept.task) ? kept.task : null);
  for (const kept of all) if (chosen(kept)) found.get(kept.task).push(kept);
  for (const kept of all) {
    if (chosen(kept) !== null) continue;
    const own = tasks.filter(({ lesson }) => lesson === kept.code);
    const task = own.find(({ id, pictures }) => found.get(id).length < pictures) ?? own[0];
    if (task) found.get(task.id).push(kept);
  }
  return found;
}

const countOf = (task, pictures) => `${Math.min(pictures.length, task.pictures)} of ${task.pictures}`;
const isDone = (task, pictures) => pictures.length >= task.pictures;

function taskLine(task, pictures, base, films) {
  const line = document.createElement("li"), done = isDone(task, pictures);
  line.className = done ? "done" : "";
  line.dataset.task = task.id;
  const mark = Object.assign(document.createElement("span"), { className: "mark", textContent: done ? "✓" : "○" });
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", done ? "done" : "open");
  const words = document.createElement("span");
  const way = Object.assign(document.createElement("a"), { href: `${base}/${task.path}`, textContent: task.lesson, title: task.title });
  const text = Object.assign(document.createElement("span"), { className: "text", textContent: ` ${task.text} ` });
  const of = Object.assign(document.createElement("span"), { className: "of", textContent: countOf(task, pictures) });
  words.append(way, text, of);
  line.append(mark, ...(films[task.lesson] ? [filmStrip(films[task.lesson], "glimpse")] : []), words);
  return line;
}
