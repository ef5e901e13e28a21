// Drawing by keyboard: a cursor that the arrow keys move, a pen that Space puts down, and a letter for each tool.

const FAR = 8; // pixels of a step with Shift

class Keys {
  /** @param {AbortSignal} signal */
  constructor(canvas, signal) {
    this.canvas = canvas;
    this.used = false; // the hand is at the keyboard, and not at a pointer
    this.down = this.held = this.spaceDown = false; // the pen; by a key that is held; the key
    const surface = canvas.part("surface");
    const on = (target, type, action) => target.addEventListener(type, action, { signal });
    on(canvas.root, "keydown", (event) => this.press(event));
    on(surface, "keyup", (event) => {
      if (event.key === " " && this.down && this.held) canvas.end();
      this.spaceDown = event.key === " " ? false : this.spaceDown;
    });
    on(surface, "focus", () => this.use(surface.matches(":focus-visible")));
    on(surface, "blur", () => {
      if (this.down) canvas.end();
      this.use(false);
    });
    on(surface, "pointerdown", () => this.use(false));
  }

  use(used) {
    this.used = used;
    this.canvas.showBrush();
  }

  // Into the middle of another picture.
  start({ width, height }) {
    this.cursor = { x: Math.floor(width / 2) + 0.5, y: Math.floor(height / 2) + 0.5 };
  }

  // The cursor starts from where the pointer was last.
  follow(at, { width, height }) {
    if (at && !this.down && at.x >= 0 && at.y >= 0 && at.x < width && at.y < height) {
      this.cursor = { x: Math.floor(at.x) + 0.5, y: Math.floor(at.y) + 0.5 };
    }
  }

  press(event) {
    const { canvas } = this;
    if (!canvas.plan || canvas.surface.busy) return;
    const drawing = event.target === canvas.part("surface");
    const letter = event.key.toLowerCase();
    const bracket = "[]".includes(letter); // on many keyboards typed with AltGr, which reads as Ctrl and Alt
    if (event.altKey && !bracket) return;
    const chord = !bracket && (event.ctrlKey || event.metaKey);
    const handled = chord ? this.chord(letter, event.shiftKey) : drawing && this.plainKey(event, letter);
    if (!handled) return;
    event.preventDefault();
    event.stopPropagation();
  }

  chord(letter, shift) {
    if (letter === "z") this.canvas.undo(shift);
    else if (letter === "y") this.canvas.undo(true);
    else return false;
    return true;
  }

  plainKey(event, letter) {
    const { canvas } = this, { plan } = canvas;
    const step = event.shiftKey ? FAR : 1;
    const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    const smaller = plan.fine > 1 && canvas.size <= 4 ? 0.5 : 1, larger = plan.fine > 1 && canvas.size < 4 ? 0.5 : 1;
    if (move) this.moveCursor(...move);
    else if (event.key === " ") this.space(event.repeat);
    else if (event.key === "Escape" && canvas.sketch.open) { canvas.cancel(); canvas.say("Stroke left out."); }
    else if (letter === "b") { canvas.setTool(false); canvas.say("Drawing."); }
    else if (letter === "e") { canvas.setTool(true); canvas.say("Erasing."); }
    else if (letter === "i" && plan.mode === "mask") { canvas.act({ kind: "invert" }); canvas.say(canvas.part("amount").textContent); }
    else if (event.key === "[") { canvas.setSize(canvas.size - smaller); canvas.say(`Brush ${canvas.size} pixels.`); }
    else if (event.key === "]") { canvas.setSize(canvas.size + larger); canvas.say(`Brush ${canvas.size} pixels.`); }
    else if (event.key === "Enter" && plan.send === "use") {
      if (canvas.sketch.open) canvas.end();
      if (!canvas.part("use").disabled) canvas.send("use");
    } else return false;
    this.use(true);
    return true;
  }

  moveCursor(dx, dy) {
    const { canvas, cursor } = this, { plan } = canvas;
    cursor.x = clamp(cursor.x + dx, 0.5, plan.width - 0.5);
    cursor.y = clamp(cursor.y + dy, 0.5, plan.height - 0.5);
    if (this.down) {
      this.held ||= this.spaceDown;
      canvas.extend(cursor, 1);
    }
    clearTimeout(this.telling);
    this.telling = setTimeout(() => canvas.say(`Column ${cursor.x + 0.5}, row ${cursor.y + 0.5}.`), 400);
  }

  // Pen down, or up. Held while the cursor moves, the key draws as long as it is held.
  space(repeated) {
    if (repeated) return;
    const { canvas } = this;
    this.spaceDown = true;
    if (this.down) {
      canvas.end();
      canvas.say("Pen up.");
      return;
    }
    canvas.begin(canvas.erasing);
    canvas.extend(this.cursor, 1);
    this.down = true;
    canvas.say(`Pen down at column ${this.cursor.x + 0.5}, row ${this.cursor.y + 0.5}.`);
  }
}
