// What is said of a kept picture: the words of core/provenance.py, for the page and for what is exported.

const FEW = 6; // values of a list that are written out

const listed = (values) => (values.length <= FEW ? values : [...values.slice(0, FEW - 2), "…", values.at(-1)]).join(", ");

const QUANTITIES = { // name on the page -> what a run has of it
  Prompt: (run) => (run.prompts ?? []).map((prompt) => `“${prompt}”`),
  Seed: (run) => run.seeds ?? [],
  γ: (run) => (run.gammas ?? []).filter((gamma) => gamma !== null),
  Model: (run) => (run.model ?? []).filter(Boolean),
};

/**
 * What several runs in one picture have in common stands once.
 * @param {Kept} kept
 * @returns {[string, string][]} name and value
 */
function factsOf({ about, steps }) {
  const runs = Array.isArray(about.runs) ? about.runs : [about];
  const facts = steps.length ? [["Step", listed(steps)]] : [];
  for (const [name, read] of Object.entries(QUANTITIES)) {
    const values = runs.map((run) => listed([...new Set(read(run).map(String))]));
    const shared = values.every((value) => value === values[0]);
    for (const [k, value] of (shared ? values.slice(0, 1) : values).entries()) {
      if (value) facts.push([shared || !runs[k].label ? name : `${name} (${runs[k].label})`, value]);
    }
  }
  return /** @type {[string, string][]} */ (facts);
}

// "A6 · Classifier-free guidance", as far as it is known.
const lessonOf = ({ about, code }) => (about.runs?.[0] ?? about).lesson ?? code;

// The runs that notebooks can compute again.
function runsOf({ about, link }) {
  const runs = Array.isArray(about.runs) ? about.runs : [about];
  return runs.filter(({ job, lesson }) => job?.kind && lesson)
    .map(({ job, lesson }) => ({ lesson: lesson.split(" · ")[0], kind: job.kind, params: job.params, link }));
}
