// Files of the whole collection: one web page, made here; PDF and notebooks, made by the server of what it is sent.

function saveFile(data, type, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([data], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @returns {Promise<string>} "data:image/png;base64,…" */
function dataAddress(png) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(new Blob([png], { type: "image/png" }));
  });
}

// The server's answer as bytes. Throws the sentence with which it refuses.
async function served(address, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json", "X-Classroom": "1" }, body };
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    throw new Error("The server does not answer: try again when the connection is back. The web page (HTML) needs no server.", { cause: error });
  }
  if (answer.ok) return answer;
  if (answer.status === 413) throw new Error("This is more than the server takes: take some pictures out, or export the web page (HTML), which needs no server.");
  const told = (answer.headers.get("Content-Type") ?? "").includes("json") ? (await answer.json()).error : "";
  throw new Error(told || `The server answered ${answer.status}: try again.`);
}

// What the PDF is made of.
async function handout({ title, author, list, kept, of }) {
  const pictures = await Promise.all(kept.map(async (one) => ({
    png: (await dataAddress(one.png)).split(",")[1], heading: [lessonOf(one), one.title].filter(Boolean).join(" · "), caption: one.caption,
    facts: factsOf(one).map(([name, value]) => ({ name, value })), link: one.link,
  })));
  const tasks = list.tasks.map((task) => ({ done: isDone(task, of.get(task.id)), text: `${task.lesson} ${task.text}`, count: countOf(task, of.get(task.id)) }));
  return JSON.stringify({ title, author, tasks_title: list.title, tasks, pictures });
}

const SHEET = `body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2230; background: #fff; }
h1 { margin-bottom: 0; } figure { margin: 2.5rem 0; break-inside: avoid; } img { max-width: 100%; image-rendering: pixelated; }
figcaption { white-space: pre-wrap; margin: .4rem 0; } h3 { margin: 0 0 .5rem; font-size: 1.05rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .3rem 0; font-size: .9rem; color: #555; } dd { margin: 0; overflow-wrap: anywhere; }
ul { list-style: none; padding: 0; } li.done { color: #0a6b3a; } a { color: #0a5ca8; overflow-wrap: anywhere; }`;

// Built as a document, so that what students typed stays text.
async function webPage({ title, author, list, kept, of }) {
  const made = document.implementation.createHTMLDocument(title);
  const add = (host, tag, text = "", more = {}) => {
    const element = Object.assign(made.createElement(tag), more);
    if (text) element.textContent = text;
    host.append(element);
    return element;
  };
  made.head.prepend(Object.assign(made.createElement("meta"), { httpEquiv: "", name: "viewport", content: "width=device-width" }));
  const letters = made.createElement("meta");
  letters.setAttribute("charset", "utf-8");
  made.head.prepend(letters);
  add(made.head, "style", SHEET);
  made.documentElement.lang = "en";
  add(made.body, "h1", title);
  if (author) add(made.body, "p", author);
  add(made.body, "h2", list.title);
  const lines = add(made.body, "ul");
  for (const task of list.tasks) {
    const done = isDone(task, of.get(task.id));
    add(lines, "li", `${done ? "✓" : "○"} ${task.lesson} ${task.text} (${countOf(task, of.get(task.id))})`, { className: done ? "done" : "" });
  }
  for (const one of kept) {
    const figure = add(made.body, "figure");
    add(figure, "h3", [lessonOf(one), one.title].filter(Boolean).join(" · "));
    add(figure, "img", "", { src: await dataAddress(one.png), alt: [one.title, ...one.steps].join(", ") });
    if (one.caption) add(figure, "figcaption", one.caption);
    const facts = add(figure, "dl");
    for (const [name, value] of factsOf(one)) {
      add(facts, "dt", name);
      add(facts, "dd", value);
    }
    if (/^https?:/.test(one.link)) add(figure, "a", one.link, { href: one.link });
  }
  return `<!DOCTYPE html>\n${made.documentElement.outerHTML}`;
}
