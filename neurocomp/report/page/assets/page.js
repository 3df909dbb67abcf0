// The page: what it is about, the tables of the papers, the list of cells, the cell and the restart that are open.

const data = JSON.parse(document.getElementById("data").textContent);
const page = document.getElementById("page");

function head() {
  const total = (data.cells || []).reduce((sum, cell) => sum + cell.n, 0);
  const about =
    data.kind === "trace"
      ? data.title
      : `${data.folders.join(", ")}: ${grouped(data.cells.length)} cells, ${grouped(total)} restarts${ofMemorizer()}`;
  document.title = `neurocomp: ${data.kind === "trace" ? data.title : data.folders.join(", ")}`;
  return el(
    "header",
    {},
    el("h1", {}, data.kind === "trace" ? "Soft trace" : "Report"),
    el("p", {}, about),
    el("p", { class: "small" }, `made by neurocomp ${data.version}`),
    data.kind === "trace"
      ? null
      : [
          notice("Left out", data.left_out),
          notice("Wrong with files", data.problems, "bad"),
          notice("Notes", data.notes),
        ],
  );
}

function ofMemorizer() {
  const { cells } = data.memorizer;
  const total = cells.reduce((sum, cell) => sum + cell.n, 0);
  return cells.length ? `; of the memorizer ${grouped(cells.length)} cells, ${grouped(total)} trainings` : "";
}

function tracePage() {
  const viewer = new TraceViewer(data.traces[0], data.unit, data.opcodes);
  page.append(head(), el("main", {}, el("p", {}, el("code", {}, data.traces[0].phases[0].text)), viewer.node));
}

class Report {
  constructor() {
    this.traces = new Map(data.traces.map((trace) => [`${trace.cell}:${trace.restart}`, trace]));
    this.untraced = new Map(data.untraced.map((one) => [`${one.cell}:${one.restart}`, one.problem]));
    for (const cell of data.cells) {
      cell.traced = data.traces.filter((trace) => trace.cell === cell.id).map((trace) => trace.restart);
      cell.text = cellText(cell);
    }
    Object.assign(this, { metric: "soft", picked: null, cell: null, restart: null });
    this.tables = el("div", { id: "tables" });
    this.search = el("input", {
      type: "search",
      id: "search",
      placeholder: "map_inc tune gamma=0.3 ...",
      oninput: () => this.list(),
    });
    this.chip = el("span", { class: "chip" });
    this.count = el("span", { class: "small", role: "status" });
    this.table = new SortedTable({
      caption: "cells: rates in percent with their 95 % Wilson intervals",
      columns: cellColumns(data.cells),
      rows: data.cells,
      open: (cell) => this.show(cell, null),
      isOpen: (cell) => cell === this.cell,
    });
    this.memorizer = new MemorizerPart(data.memorizer.cells, (cell) => this.showMemorizer(cell));
    this.cellPart = el("section", { id: "cell" });
    this.restartPart = el("section", { id: "restart" });
    page.append(
      head(),
      this.nav(),
      el(
        "main",
        {},
        this.tables,
        this.tracedList(),
        el(
          "section",
          { id: "cells" },
          el("h2", { tabindex: "-1" }, "Cells"),
          el("p", {}, el("label", { for: "search" }, "search "), this.search, " ", this.chip, " ", this.count),
          data.cells.length ? this.table.node : null,
        ),
        this.cellPart,
        this.restartPart,
        data.memorizer.cells.length ? [this.memorizer.node, this.memorizer.opened] : null,
      ),
    );
    this.drawTables();
    this.list();
    window.addEventListener("hashchange", () => this.fromHash());
    this.fromHash();
  }

  // To the parts of the page. They are buttons, because the address says which cell and restart are open.
  nav() {
    const go = (part) => () => {
      if (!part().childElementCount) return;
      part().scrollIntoView();
      part().querySelector("h2")?.focus({ preventScroll: true });
    };
    const part = (name) => () => document.getElementById(name);
    const parts = {
      tables: () => this.tables,
      ...(data.traces.length ? { traces: part("traced") } : {}),
      cells: part("cells"),
      cell: () => this.cellPart,
      restart: () => this.restartPart,
      ...(data.memorizer.cells.length ? { memorizer: part("memorizer") } : {}),
    };
    return el(
      "nav",
      { "aria-label": "parts of the page" },
      Object.entries(parts).map(([name, part]) => button(name, go(part))),
    );
  }

  drawTables() {
    const set = (metric) => {
      this.metric = metric;
      this.drawTables();
      this.tables.querySelector(`input[value="${metric}"]`)?.focus();
    };
    this.tables.replaceChildren(
      ...data.tables.map((table) => paperTable(table, this.metric, set, (picked) => this.pick(picked))),
      ...data.memorizer.tables.map(memorizerTable),
    );
  }

  pick(picked) {
    this.picked = picked;
    this.list();
    const cells = data.cells.filter((cell) => picked.cells.has(cell.id));
    if (cells.length === 1) this.show(cells[0], null);
    else document.getElementById("cells").scrollIntoView();
  }

  list() {
    const all = this.picked ? data.cells.filter((cell) => this.picked.cells.has(cell.id)) : data.cells;
    const found = matching(all, this.search.value);
    this.chip.replaceChildren();
    if (this.picked) {
      const clear = () => {
        this.picked = null;
        this.list();
        this.search.focus();
      };
      this.chip.append(`only ${this.picked.text} `, button("show all", clear));
    }
    const memorized = this.memorizer.search(this.search.value);
    this.count.textContent = [
      data.cells.length && `${grouped(found.length)} of ${grouped(data.cells.length)} cells`,
      memorized && `${memorized} of the memorizer`,
    ]
      .filter(Boolean)
      .join(", ");
    this.table.show(found);
  }

  tracedList() {
    if (!data.traces.length && !data.untraced.length) return null;
    const item = (one, text) =>
      el(
        "li",
        {},
        button(text, () => this.show(data.cells[one.cell], one.restart), { class: "link" }),
        el("span", { class: `outcome ${one.kind}` }, one.kind),
      );
    const name = (one) => `${data.cells[one.cell].name}, restart ${one.restart}`;
    return el(
      "section",
      { id: "traced", class: "traced" },
      el("h2", { tabindex: "-1" }, "Restarts step by step"),
      el(
        "ul",
        {},
        data.traces.map((one) => item(one, name(one))),
      ),
      notice(
        "These cannot be shown",
        data.untraced.map((one) => `${name(one)}: ${one.problem}`),
        "bad",
      ),
    );
  }

  showMemorizer(cell) {
    const wanted = new URLSearchParams({ memorizer: cell.name, id: cell.id });
    if (window.location.hash !== `#${wanted}`) window.location.hash = String(wanted);
    else this.memorizer.draw(cell);
  }

  show(cell, restart) {
    const wanted = new URLSearchParams({ cell: cell.name, id: cell.id, ...(restart === null ? {} : { restart }) });
    if (window.location.hash !== `#${wanted}`) window.location.hash = String(wanted);
    else this.draw(cell, restart);
  }

  fromHash() {
    const wanted = new URLSearchParams(window.location.hash.slice(1));
    const found = (cells, name) => {
      const named = cells.filter((cell) => cell.name === wanted.get(name));
      return named.find((one) => String(one.id) === wanted.get("id")) ?? named[0] ?? null;
    };
    const memorized = found(data.memorizer.cells, "memorizer");
    if (memorized) this.memorizer.draw(memorized);
    const cell = found(data.cells, "cell");
    const restart = wanted.has("restart") ? Number(wanted.get("restart")) : null;
    if (cell) this.draw(cell, restart);
  }

  draw(cell, restart) {
    const isNew = cell !== this.cell;
    Object.assign(this, { cell, restart });
    this.table.draw();
    if (isNew)
      this.cellPart.replaceChildren(
        ...[this.title(`Cell ${cell.name}`), ...cellView(cell, data, (number) => this.show(cell, number))].filter(
          Boolean,
        ),
      );
    this.restartPart.replaceChildren();
    const row = restart === null ? null : restartRows(cell).find((one) => one.restart === restart);
    if (row) this.restartPart.append(...this.restartView(cell, row).filter(Boolean));
    const opened = row ? this.restartPart : this.cellPart;
    opened.scrollIntoView();
    opened.querySelector("h2")?.focus({ preventScroll: true });
  }

  title(text) {
    return el("h2", { tabindex: "-1" }, text);
  }

  restartView(cell, row) {
    const trace = this.traces.get(`${cell.id}:${row.restart}`);
    const start = cell.starts.length ? cell.starts[row.restart % cell.starts.length] : null;
    const yes = Object.keys(METRICS).filter((metric) => row[metric]);
    const shown = (text) => (text === null ? "random weights" : programText(text, null));
    return [
      this.title(`Restart ${row.restart} of ${cell.name}`),
      facts([
        ["outcome", row.outcome],
        ["recovered by", yes.join(", ") || "no measure"],
        ["status", row.status],
        ["updates", orDash(row.updates)],
        ["recovered at", row.recovered_at],
        ["lines changed", row.lines_changed],
        ["margin", row.margin],
        ["loss", row.loss],
      ]),
      el("p", {}, "start: ", cell.origin_problem ? "not known" : shown(start)),
      row.text === null
        ? el("p", {}, "It has no program that is written out here.")
        : this.ends(row.text, start, cell.reference),
      ...(trace ? this.traceView(cell, row, trace) : [this.withoutTrace(cell, row)]),
    ];
  }

  // The final program beside the start and beside the reference, with what is another word there marked.
  ends(text, start, reference) {
    const marked = (other, name) =>
      el("p", {}, "end: ", programText(text, other), el("span", { class: "small" }, ` marked: other than ${name}`));
    if (!start && !reference) return el("p", {}, "end: ", programText(text, null));
    return el(
      "div",
      {},
      start ? marked(start, "the start") : null,
      reference ? [el("p", {}, "reference: ", programText(reference, null)), marked(reference, "the reference")] : null,
    );
  }

  traceView(cell, row, trace) {
    const viewer = new TraceViewer(trace, data.unit, data.opcodes);
    return [
      el(
        "p",
        { class: "small" },
        `weights: ${trace.origin}. Keys: ← → step, Home and End, space plays, p goes to where they part.`,
      ),
      viewer.node,
      lossChart([[`restart ${row.restart}`, trace.curve]]),
    ];
  }

  withoutTrace(cell, row) {
    const problem = this.untraced.get(`${cell.id}:${row.restart}`);
    if (problem) return notice("No soft trace", [problem], "bad");
    if (cell.method !== "tune") return el("p", {}, `method=${cell.method} has no weights, so there is no soft trace.`);
    return el(
      "p",
      {},
      "Its soft trace is not in this page. With it: ",
      commandLine(`neurocomp report ${quoted(cell.folder)} --restarts ${quoted(`${cell.name}:${row.restart}`)}`),
    );
  }
}

// A word of a command line, as a shell reads it.
function quoted(word) {
  return /^[\w./:,+@%=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

if (data.kind === "trace") tracePage();
else new Report();
