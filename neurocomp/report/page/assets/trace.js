// The soft trace: step by step the distributions over line, opcode, registers and memory, beside the exact run.

const SPEED = 600; // milliseconds a step while it plays
const DRAWN_STEPS = 2000; // of the overview, each with a rectangle a line

class TraceViewer {
  constructor(trace, unit, opcodes) {
    Object.assign(this, { trace, unit, opcodes, phase: trace.phases.length - 1, input: 0, step: 0, timer: null });
    this.top = el("div", { class: "controls" });
    this.strip = el("div", { class: "strip" });
    this.now = el("p", { class: "now", "aria-live": "polite" });
    this.body = el("div", { class: "moment" });
    this.node = el(
      "div",
      {
        class: "trace",
        tabindex: "0",
        role: "group",
        "aria-label": "soft trace; arrow keys step, space plays, p goes to where they part",
        onkeydown: (event) => this.key(event),
      },
      this.top,
      this.strip,
      this.now,
      this.body,
    );
    this.controls();
    this.overview();
    this.go(this.run.parts_at ?? 1);
  }

  get run() {
    return this.trace.phases[this.phase].runs[this.input];
  }
  get last() {
    return this.run.steps.length;
  }

  controls() {
    const phases = this.trace.phases.map((phase, place) => [String(place), phase.name]);
    const inputs = this.trace.phases[0].runs.map((run, place) => [
      String(place),
      `${place + 1}: ${run.memory.join(" ")}`,
    ]);
    this.slider = el("input", {
      type: "range",
      min: 0,
      max: this.last,
      step: 1,
      value: this.step,
      "aria-label": "step",
      oninput: () => this.go(Number(this.slider.value)),
    });
    this.player = button("play", () => this.play());
    this.part = button("where they part", () => this.go(this.run.parts_at ?? this.step));
    const set = (name) => (value) => {
      this[name] = Number(value);
      this.overview();
      this.go(Math.min(this.step, this.last));
    };
    this.top.replaceChildren(
      ...(phases.length > 1 ? [choice("weights", phases, String(this.phase), set("phase"))] : []),
      ...(inputs.length > 1 ? [choice("test input (memory)", inputs, String(this.input), set("input"))] : []),
      el(
        "div",
        { class: "player" },
        button("◀", () => this.go(this.step - 1), { "aria-label": "step back" }),
        this.player,
        button("▶", () => this.go(this.step + 1), { "aria-label": "step on" }),
        this.slider,
        this.part,
      ),
    );
  }

  key(event) {
    const inField = event.target.closest("input, select, textarea");
    const acts = {
      ArrowLeft: () => this.go(this.step - 1),
      ArrowRight: () => this.go(this.step + 1),
      Home: () => this.go(0),
      End: () => this.go(this.last),
      " ": () => this.play(),
      p: () => this.go(this.run.parts_at ?? this.step),
    };
    const act = acts[event.key];
    if (
      !act ||
      inField ||
      (event.key === " " && event.target.closest("button")) ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey
    )
      return;
    event.preventDefault();
    act();
  }

  play() {
    if (this.timer) return this.stop();
    if (this.step >= this.last) this.go(0);
    this.player.textContent = "pause";
    this.timer = setInterval(
      () => (this.step < this.last && this.node.isConnected ? this.go(this.step + 1) : this.stop()),
      SPEED,
    );
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.player.textContent = "play";
  }

  go(step) {
    this.step = Math.max(0, Math.min(step, this.last));
    this.slider.max = this.last;
    this.slider.value = this.step;
    this.part.disabled = this.run.parts_at === null;
    this.draw();
  }

  draw() {
    const { run, step } = this;
    const moment = step ? run.steps[step - 1] : null;
    const words = moment ? moment.exact : { memory: run.memory, registers: run.registers };
    this.now.replaceChildren(...this.sentence(moment));
    this.now.classList.toggle("parted", run.parts_at !== null && step >= run.parts_at);
    this.cursor?.setAttribute("x", (step - 1) * this.size);
    this.cursor?.classList.toggle("hidden", step === 0);
    const state = moment ?? run.start;
    const differs = moment ? moment.differs : { memory: [], registers: [] };
    this.body.replaceChildren(
      this.program(moment),
      el(
        "div",
        {},
        this.opcode(moment),
        this.rows("register", state.registers, words.registers, differs.registers, this.trace.checked?.registers),
        el("p", { class: "small" }, `halted: ${(state.halted / this.unit).toFixed(3)}`),
      ),
      this.rows("cell", state.memory, words.memory, differs.memory, this.trace.checked?.memory),
    );
  }

  sentence(moment) {
    const { run, step } = this;
    if (!moment) return [el("strong", {}, "start"), ` of ${this.last} steps: the words that both runs begin with`];
    const [line, share] = likeliest(moment.line);
    const [opcode, mass] = likeliest(moment.opcode);
    const parts = [
      el("strong", {}, `step ${step} of ${this.last}`),
      `: soft line ${line} (${this.text(share)}), ${this.opcodes[opcode]} (${this.text(mass)}); exact `,
      moment.exact.line === null
        ? "has halted"
        : el("span", {}, `line ${moment.exact.line}, `, el("code", {}, moment.exact.text)),
    ];
    if (run.parts_at === step) parts.push(el("strong", { class: "here" }, " — here they part"));
    else if (run.parts_at === null) parts.push("; they never part");
    else
      parts.push(step < run.parts_at ? `; they part at step ${run.parts_at}` : `; parted since step ${run.parts_at}`);
    return parts;
  }

  text(share) {
    return (share / this.unit).toFixed(share === this.unit || share === 0 ? 0 : 2);
  }
  heat(share) {
    const percentage = Math.max(0, Math.min(100, (100 * share) / this.unit));
    return { class: `p${percentage > 55 ? " deep" : ""}`, "--share": `${percentage.toFixed(1)}%` };
  }

  // The counter over all steps: a column a step, a row a line; below, after which likeliest words differ.
  overview() {
    const { run } = this;
    this.cursor = null;
    if (this.last > DRAWN_STEPS)
      return this.strip.replaceChildren(el("p", { class: "small" }, "no overview of so many steps"));
    const size = (this.size = Math.max(6, Math.min(22, Math.floor(900 / Math.max(1, this.last)))));
    const count = run.start.counter.length;
    const height = 14;
    const drawing = svg("svg", {
      viewBox: `0 0 ${this.last * size + 1} ${(count + 1) * height + 4}`,
      class: "steps",
      role: "img",
      "aria-label": "the program counter over all steps",
      "--width": `${this.last * size + 1}px`,
    });
    run.steps.forEach((moment, place) => {
      const column = svg("g", { class: "column", onclick: () => this.go(place + 1) });
      moment.line.forEach((share, line) => {
        const exact = moment.exact.line === line;
        column.append(
          svg("rect", {
            x: place * size + 0.5,
            y: line * height + 0.5,
            width: size - 1,
            height: height - 1,
            "--share": `${(100 * share) / this.unit}%`,
            class: exact ? "exact" : "",
          }),
        );
      });
      const different = moment.differs.memory.length + moment.differs.registers.length;
      column.append(
        svg("rect", {
          x: place * size + 0.5,
          y: count * height + 3,
          width: size - 1,
          height: height - 3,
          class: place + 1 === run.parts_at ? "mark first" : different ? "mark" : "mark same",
        }),
        svg("title", {}, `step ${place + 1}${different ? `: ${different} words differ` : ""}`),
      );
      drawing.append(column);
    });
    this.cursor = svg("rect", { x: 0, y: 0.5, width: size, height: (count + 1) * height + 2, class: "cursor" });
    drawing.append(this.cursor);
    const caption =
      "line of the program counter (rows) at each step (columns); outlined: the exact run; below: where words differ";
    return this.strip.replaceChildren(
      el("figure", {}, el("figcaption", {}, caption), el("div", { class: "scroll" }, drawing)),
    );
  }

  program(moment) {
    const decisions = this.trace.phases[this.phase].program;
    const counter = moment ? moment.line : this.run.start.counter;
    const exact = moment ? moment.exact.line : 0;
    const lines = decisions.map((words, line) =>
      el(
        "tr",
        { class: line === exact ? "exact" : null },
        el("th", { scope: "row" }, String(line)),
        el("td", this.heat(counter[line]), this.text(counter[line])),
        el(
          "td",
          {},
          words.map((word) => this.decision(word)),
        ),
      ),
    );
    return el(
      "table",
      { class: "program" },
      el("caption", {}, "likeliest decisions, with probabilities below 0.99"),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ["line", "soft", "decisions"].map((head) => el("th", { scope: "col" }, head)),
        ),
      ),
      el("tbody", {}, lines),
    );
  }

  decision({ what, choices }) {
    const [[name, share]] = choices;
    const others = choices.map(([other, mass]) => `${other} ${this.text(mass)}`).join(", ");
    return el(
      "span",
      { class: "decision", title: `${what}: ${others}`, "--share": `${(100 * share) / this.unit}%` },
      name,
      share < 0.995 * this.unit ? el("small", {}, this.text(share)) : null,
    );
  }

  opcode(moment) {
    if (!moment) return el("p", { class: "small" }, "no step yet");
    const shown = moment.opcode
      .map((share, place) => [share, place])
      .filter(([share]) => share >= this.unit / 100)
      .sort((a, b) => b[0] - a[0]);
    const exact = moment.exact.text.split(" ")[0];
    return el(
      "table",
      { class: "heat opcode" },
      el("caption", {}, "opcode of this step"),
      el(
        "tbody",
        {},
        el(
          "tr",
          {},
          shown.map(([, place]) =>
            el("th", { scope: "col", class: this.opcodes[place] === exact ? "exact" : null }, this.opcodes[place]),
          ),
        ),
        el(
          "tr",
          {},
          shown.map(([share]) => el("td", this.heat(share), this.text(share))),
        ),
      ),
    );
  }

  rows(name, rows, exact, differs, checked) {
    const heads = rows[0].map((_, word) => el("th", { scope: "col" }, String(word)));
    const lines = rows.map((row, place) => {
      const [soft] = likeliest(row);
      const differ = differs.includes(place);
      const cells = row.map((share, word) => {
        const attributes = this.heat(share);
        if (word === exact[place]) attributes.class += " exact";
        return el(
          "td",
          { ...attributes, title: `${name} ${place} is ${word}: ${(share / this.unit).toFixed(3)}` },
          share >= this.unit / 100 ? this.text(share) : "",
        );
      });
      const label = checked && checked.includes(place) ? `${place} ✓` : String(place);
      return el(
        "tr",
        { class: differ ? "differs" : null },
        el("th", { scope: "row", title: label === String(place) ? null : "what is checked at the end" }, label),
        cells,
        el("td", { class: "word" }, differ ? `${soft} ≠ ${exact[place]}` : String(exact[place])),
      );
    });
    return el(
      "table",
      { class: "heat words" },
      el("caption", {}, `${name === "cell" ? "memory" : "registers"}: how likely each word is`),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          el("th", { scope: "col" }, name),
          heads,
          el("th", { scope: "col", title: "the likeliest word; soft ≠ exact where the exact run has another" }, "word"),
        ),
      ),
      el("tbody", {}, lines),
    );
  }
}

function likeliest(row) {
  return row.reduce((best, share, place) => (share > best[1] ? [place, share] : best), [0, row[0]]);
}
