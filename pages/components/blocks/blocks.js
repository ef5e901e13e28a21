// The UNet as an SVG: boxes with pictures, arrows between them. A click, or Enter on a focused box, chooses a block.

const CELL = { w: 104, h: 128, picture: 84, words: 36, left: 8, top: 8 };

const box = (node) => {
  const size = CELL.picture * node.side;
  const x = CELL.left + node.column * CELL.w + CELL.w / 2, y = CELL.top + node.row * CELL.h + CELL.picture / 2;
  return { x, y, size, left: x - size / 2, right: x + size / 2, top: y - size / 2, bottom: y + size / 2 };
};

// A straight arrow from the side of one box to the side of the next that faces it.
function arrow(from, to) {
  const level = Math.abs(from.y - to.y) < 1, right = to.x > from.x;
  if (level) return `M${right ? from.right + 4 : from.left - 4} ${from.y}L${right ? to.left - 8 : to.right + 8} ${to.y}`;
  if (Math.abs(from.x - to.x) < 1) {
    const down = to.y > from.y;
    return `M${from.x} ${down ? from.bottom + 38 : from.top - 4}L${to.x} ${down ? to.top - 8 : to.bottom + 42}`;
  }
  // Down and to the right: from below its words into the left side; up: out of the right side to below the words. So what
  // goes down and up again lies outside of what is carried across.
  if (to.y > from.y) return `M${from.x} ${from.bottom + 38}L${from.x} ${to.y}L${to.left - 8} ${to.y}`;
  return `M${from.right + 4} ${from.y}L${to.x} ${from.y}L${to.x} ${to.bottom + 42}`;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const drawing = parentElement.querySelector("svg");
  const width = Math.max(...data.nodes.map((node) => box(node).right)) + CELL.left;
  const height = Math.max(...data.nodes.map((node) => box(node).bottom)) + CELL.words + CELL.top;
  drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const defs = svg("defs"), marker = svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" });
  marker.append(svg("path", { d: "M0 0L8 4L0 8z" }));
  defs.append(marker);
  const parts = [defs];
  for (const edge of data.edges) {
    const from = box(data.nodes[edge.start]), to = box(data.nodes[edge.end]);
    parts.push(svg("path", { d: arrow(from, to), class: edge.skip ? "skip" : "path", "marker-end": "url(#tip)" }));
    if (edge.label) parts.push(svg("text", { x: (from.x + to.x) / 2, y: Math.min(from.y, to.y) - 6, class: "label" }, edge.label));
  }
  for (const node of data.nodes) {
    const { x, left, top, size, bottom } = box(node);
    const group = svg("g", { class: `node ${node.name ? "" : "still"} ${node.name && node.name === data.chosen ? "chosen" : ""}` });
    group.append(svg("image", { href: `data:image/png;base64,${node.image}`, x: left, y: top, width: size, height: size, preserveAspectRatio: "none" }));
    group.append(svg("rect", { x: left - 3, y: top - 3, width: size + 6, height: size + 6, rx: 3, class: "frame" }));
    group.append(svg("text", { x, y: bottom + 17, class: "title" }, node.title));
    group.append(svg("text", { x, y: bottom + 32, class: "note" }, node.note));
    if (node.name) {
      group.setAttribute("role", "button");
      group.setAttribute("tabindex", "0");
      group.setAttribute("aria-label", `${node.title}, ${node.note}`);
      group.setAttribute("aria-pressed", String(node.name === data.chosen));
      group.addEventListener("click", () => setTriggerValue("block", node.name));
      group.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        setTriggerValue("block", node.name);
      });
    }
    parts.push(group);
  }
  drawing.replaceChildren(...parts);
}
