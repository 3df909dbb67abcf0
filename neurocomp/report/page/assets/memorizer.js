// The memorizer's part of a report: its paper's tables, published beside measured, its cells, and one cell's trainings.

const SHARES = { accuracy: "accuracy", accuracy_a: "accuracy A", exact_rate: "exact" };

// What a text sorts by: the number that it begins with, or the text; nothing for `-`.
function sortedBy(text) {
  if (text === "-") return null;
  const number = Number.parseFloat(text);
  return Number.isNaN(number) ? text : number;
}

function memorizerTable(table) {
  const numbers = table.columns.map((_, place) => table.rows.every((row) => /^[-+\d]/.test(row.texts[place])));
  const sorted = new SortedTable({
    caption: "measured beside published",
    columns: [
      { title: "cells", value: (row) => row.row },
      ...table.columns.map((title, place) => ({
        title,
        number: numbers[place],
        value: (row) => sortedBy(row.texts[place]),
        show: (row) => row.texts[place],
      })),
    ],
    rows: table.rows,
  });
  const notes = el(
    "ul",
    {},
    table.notes.map((note) => el("li", {}, note)),
  );
  return el(
    "section",
    { class: "paper memorizer" },
    el("h2", { tabindex: "-1" }, `${table.name} in ${table.folder}`),
    el("p", { class: "small" }, table.caption),
    sorted.node,
    el("details", {}, el("summary", {}, "notes"), notes),
  );
}

function meanText(mean, sd) {
  return mean === null ? "–" : `${mean.toFixed(0)}${sd === null ? "" : ` ± ${sd.toFixed(0)}`}`;
}

function memorizerColumns() {
  const plain = (title, value, more = {}) => ({ title, value, ...more });
  const share = ([name, title]) => ({
    title: `${title} %`,
    number: true,
    hint: `mean over trainings`,
    value: (cell) => cell[name],
    show: (cell) => percent(cell[name], 2),
  });
  return [
    plain("task", (cell) => cell.task),
    plain("language", (cell) => cell.language),
    plain("network", (cell) => cell.network),
    plain("data", (cell) => cell.data),
    plain("programs", (cell) => cell.programs, { number: true }),
    plain("seed", (cell) => cell.seed, { number: true }),
    plain("n", (cell) => cell.n, { number: true, hint: "trainings" }),
    plain("memorized", (cell) => cell.memorized, { number: true, hint: "trainings that reached 100 %" }),
    {
      title: "updates",
      number: true,
      hint: "mean ± standard deviation",
      value: (cell) => cell.updates_mean,
      show: (cell) => meanText(cell.updates_mean, cell.updates_sd),
    },
    ...Object.entries(SHARES).map(share),
    plain("state", (cell) => cell.state),
    plain("other settings", (cell) => cell.settings || null, { hint: "what is not the default" }),
    plain("hash", (cell) => String(cell.config_hash ?? "").slice(0, 10), { hint: "of the configuration" }),
  ];
}

function trainingsTable(cell) {
  const columns = cell.trainings;
  const rows = columns.restart.map((_, place) =>
    Object.fromEntries(Object.keys(columns).map((name) => [name, columns[name][place]])),
  );
  const number = (title, value, more = {}) => ({ title, value, number: true, ...more });
  const share = ([name, title]) => number(`${title} %`, (row) => row[name], { show: (row) => percent(row[name], 2) });
  return new SortedTable({
    caption: `trainings of ${cell.name}`,
    columns: [
      number("restart", (row) => row.restart),
      { title: "status", value: (row) => row.status },
      number("updates", (row) => row.updates),
      ...Object.entries(SHARES).map(share),
      number("loss", (row) => row.loss),
      number("seconds", (row) => row.wall_s),
      { title: "how runs ended", value: (row) => row.outcomes || null },
      { title: "exact by program", value: (row) => row.exact_by_program || null },
    ],
    rows,
  });
}

function memorizerCellView(cell) {
  const days = [...new Set(cell.dates.map((date) => date.slice(0, 10)))].join(" to ");
  const made = [cell.versions && `neurocomp ${cell.versions}`, days && `rows of ${days}`].filter(Boolean);
  const changed = cell.changed ? " (with changes that were not committed)" : "";
  return [
    facts([
      ["task", cell.task],
      ["language", cell.language],
      ["network", cell.network],
      ["data", cell.data],
      ["programs", cell.programs],
      ["seed", cell.seed],
      ["trainings", `${grouped(cell.n)} of ${cell.requested === null ? "?" : grouped(cell.requested)}, ${cell.state}`],
      ["memorized", cell.memorized],
      ["updates", meanText(cell.updates_mean, cell.updates_sd)],
      ...Object.entries(SHARES).map(([name, title]) => [`${title} %`, cell[name] === null ? "" : percent(cell[name], 2)]),
      ["other settings", cell.settings],
      ["made by", made.join(", ")],
      ["commit", cell.commits.map((commit) => commit.slice(0, 12)).join(", ") + changed],
      ["file", cell.path],
    ]),
    notice("Notes", cell.notes),
    trainingsTable(cell).node,
  ];
}

// The list of the memorizer's cells, which the page's search narrows too, and below it the one that is open.
class MemorizerPart {
  constructor(cells, open) {
    this.cells = cells;
    this.cell = null;
    for (const cell of cells) {
      const words = [cell.name, cell.folder, cell.experiment, cell.task, cell.language, cell.network, cell.data];
      cell.text = [...words, cell.state, cell.settings, `seed=${cell.seed}`, cell.config_hash].join(" ").toLowerCase();
    }
    this.table = new SortedTable({
      caption: "cells of the memorizer: means over trainings",
      columns: memorizerColumns(),
      rows: cells,
      open,
      isOpen: (cell) => cell === this.cell,
    });
    this.opened = el("section", { id: "memorizer-cell" });
    const title = el("h2", { tabindex: "-1" }, "Cells of the memorizer");
    this.node = el("section", { id: "memorizer" }, title, this.table.node);
  }

  // Narrow the list to the cells that have every word; how many these are, nothing where there are no cells at all.
  search(words) {
    const found = matching(this.cells, words);
    this.table.show(found);
    return this.cells.length ? `${grouped(found.length)} of ${grouped(this.cells.length)} cells` : "";
  }

  draw(cell) {
    this.cell = cell;
    this.table.draw();
    const title = el("h2", { tabindex: "-1" }, `Cell ${cell.name}`);
    this.opened.replaceChildren(...[title, ...memorizerCellView(cell)].filter(Boolean));
    this.opened.scrollIntoView();
    title.focus({ preventScroll: true });
  }
}
