// The list of cells, and one cell: where it comes from, its curves, its distinct programs, its restarts.

const OUTCOMES = { recovered: "recovered", near: "near", lost: "lost" };

function rateText(rate, digits = 1) {
  return rate ? `${percent(rate[1], 1)} (${percent(rate[2], digits)}–${percent(rate[3], digits)})` : "–";
}

function cellColumns(cells) {
  const rate = (metric) => ({
    title: `${metric} %`,
    number: true,
    hint: METRICS[metric],
    value: (cell) => (cell.rates[metric] ? cell.rates[metric][1] : null),
    show: (cell) =>
      el(
        "span",
        { class: "bar", "--share": `${cell.rates[metric] ? 100 * cell.rates[metric][1] : 0}%` },
        rateText(cell.rates[metric], 0),
      ),
  });
  const plain = (title, value, more = {}) => ({ title, value, ...more });
  const several = new Set(cells.map((cell) => cell.folder)).size > 1;
  return [
    plain("task", (cell) => cell.task),
    plain("init", (cell) => cell.init),
    plain("method", (cell) => cell.method),
    plain("gamma", (cell) => cell.gamma, { number: true }),
    plain("seed", (cell) => cell.seed, { number: true }),
    plain("n", (cell) => cell.n, { number: true, hint: "restarts" }),
    rate("soft"),
    rate("hard"),
    rate("fit"),
    rate("general"),
    plain("updates", (cell) => cell.updates, { number: true, hint: "median updates of the restarts that recovered" }),
    plain("traces", (cell) => cell.traced.length || null, {
      number: true,
      hint: "restarts that can be looked at step by step",
    }),
    plain("other settings", (cell) => cell.settings || null, { hint: "what is not the default" }),
    plain("state", (cell) => cell.state),
    ...(several ? [plain("folder", (cell) => cell.folder)] : []),
    plain("hash", (cell) => String(cell.config_hash ?? "").slice(0, 10), { hint: "of the configuration" }),
  ];
}

function cellText(cell) {
  return [
    cell.name,
    cell.folder,
    cell.experiment,
    cell.task,
    cell.init,
    cell.method,
    cell.state,
    cell.settings,
    `gamma=${cell.gamma}`,
    `seed=${cell.seed}`,
    cell.config_hash,
  ]
    .join(" ")
    .toLowerCase();
}

// Every word has to be somewhere in what the cell is.
function matching(cells, search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return cells.filter((cell) => words.every((word) => cell.text.includes(word)));
}

function cellView(cell, data, open) {
  const from = [
    cell.versions && `neurocomp ${cell.versions}`,
    cell.dates.length && `rows of ${[...new Set(cell.dates.map((date) => date.slice(0, 10)))].join(" to ")}`,
  ].filter(Boolean);
  return [
    facts([
      ["task", cell.task],
      ["init", cell.init],
      ["method", cell.method],
      ["gamma", orDash(cell.gamma)],
      ["seed", orDash(cell.seed)],
      ["restarts", `${grouped(cell.n)} of ${cell.requested === null ? "?" : grouped(cell.requested)}, ${cell.state}`],
      ...Object.keys(METRICS).map((metric) => [`${metric} %`, rateText(cell.rates[metric])]),
      ["made by", from.join(", ")],
      [
        "commit",
        cell.commits.map((commit) => commit.slice(0, 12)).join(", ") +
          (cell.changed ? " (with changes that were not committed)" : ""),
      ],
      ["file", cell.path],
    ]),
    cell.command ? el("p", {}, "command ", commandLine(cell.command)) : null,
    notice("What is not known of this cell", cell.origin_problem ? [cell.origin_problem] : []),
    notice("Notes", cell.notes),
    el(
      "div",
      { class: "panels" },
      recoveryChart(cell),
      lossChart(Object.entries(cell.curves).map(([restart, points]) => [`restart ${restart}`, points])),
    ),
    cell.curves_problem ? notice("Loss curves", [cell.curves_problem]) : null,
    programsView(cell),
    restartsView(cell, data, open),
  ];
}

function programsView(cell) {
  if (!cell.programs.length) return el("p", {}, "No restart of this cell has a program.");
  const view = el("div", { class: "programs" });
  const starts = cell.starts.filter((text) => text !== null);
  const sides = [
    ["none", "nothing"],
    ...(starts.length ? [["start", "its start"]] : []),
    ...(cell.reference ? [["reference", "the reference"]] : []),
  ];
  const draw = (side) => {
    const shown = cell.programs
      .slice(0, 30)
      .map((program, place) =>
        el(
          "li",
          {},
          el("span", { class: "count" }, `${program.count} ×`),
          program.problem
            ? [el("code", {}, program.text), el("em", {}, ` is no program: ${program.problem}`)]
            : programText(
                program.text,
                side === "reference" ? cell.reference : side === "start" ? startOf(cell, place) : null,
              ),
        ),
      );
    const more = cell.distinct - shown.length;
    view.replaceChildren(
      el("ol", {}, shown),
      more > 0 ? el("p", { class: "small" }, `and ${grouped(more)} more, which stand in the list of restarts`) : "",
    );
  };
  const first = sides.length > 1 ? sides[1][0] : "none";
  draw(first);
  return el(
    "div",
    {},
    el("h3", {}, `${grouped(cell.distinct)} distinct final programs`),
    sides.length > 1 ? choice("mark where it is other than", sides, first, draw) : null,
    starts.map((text, place) =>
      el("p", { class: "small" }, starts.length > 1 ? `start ${place}: ` : "start: ", el("code", {}, text)),
    ),
    cell.reference ? el("p", { class: "small" }, "reference: ", el("code", {}, cell.reference)) : null,
    view,
  );
}

// What the first of the listed restarts that ended with this program started from.
function startOf(cell, program) {
  const place = cell.restarts.program.indexOf(program);
  return cell.starts[(place < 0 ? 0 : cell.restarts.restart[place]) % cell.starts.length];
}

// A program on one line, `;` between instructions: each word that is another one in the other program is marked.
function programText(text, other) {
  const others = other === null ? null : instructions(other);
  const code = el("code");
  instructions(text).forEach(({ labels, words }, line) => {
    code.append(line ? "; " : "", ...labels.map((label) => `${label} `));
    words.forEach((word, place) => {
      const changed = others !== null && (others[line]?.words ?? [])[place] !== word;
      code.append(place ? " " : "", changed ? el("mark", {}, word) : word);
    });
  });
  return code;
}

// The labels and the words of each line. Two programs are compared by their words: labels are named after lines.
function instructions(text) {
  return text.split(";").map((line) => {
    const words = line.trim().split(/\s+/).filter(Boolean);
    return { labels: words.filter((word) => word.endsWith(":")), words: words.filter((word) => !word.endsWith(":")) };
  });
}

function restartRows(cell) {
  const columns = cell.restarts;
  return columns.restart.map((restart, place) => {
    const row = { restart, place };
    for (const name of Object.keys(columns)) row[name] = columns[name][place];
    row.outcome = row.hard ? "recovered" : row.soft || row.fit ? "near" : "lost";
    row.text = row.program === null ? null : cell.programs[row.program].text;
    return row;
  });
}

function restartsView(cell, data, open) {
  const yes = (name) => ({
    title: name,
    hint: METRICS[name],
    value: (row) => (row[name] === null ? null : Number(row[name])),
    show: (row) => (row[name] === null ? "–" : row[name] ? "yes" : "no"),
  });
  const number = (title, value, hint) => ({ title, value, number: true, hint });
  const traced = new Set(cell.traced);
  const columns = [
    number("restart", (row) => row.restart),
    {
      title: "outcome",
      value: (row) => row.outcome,
      show: (row) => el("span", { class: `outcome ${row.outcome}` }, OUTCOMES[row.outcome]),
      hint: "recovered: hard; near: soft or fit; lost: none of them",
    },
    yes("fit"),
    yes("soft"),
    yes("hard"),
    yes("general"),
    { title: "status", value: (row) => row.status },
    number("updates", (row) => row.updates),
    number("margin", (row) => row.margin, "the least certain decision's probability"),
    number("loss", (row) => row.loss),
    {
      title: "trace",
      value: (row) => (traced.has(row.restart) ? 1 : null),
      show: (row) => (traced.has(row.restart) ? "yes" : "–"),
    },
    {
      title: "final program",
      value: (row) => row.text,
      show: (row) => (row.text === null ? "–" : el("code", {}, row.text)),
    },
  ];
  const rows = restartRows(cell);
  const table = new SortedTable({
    caption: `restarts of ${cell.name}`,
    columns,
    rows,
    open: (row) => open(row.restart),
  });
  const count = (kind) => rows.filter((row) => row.outcome === kind).length;
  const filters = [
    ["all", `all ${grouped(rows.length)}`],
    ...Object.keys(OUTCOMES).map((kind) => [kind, `${kind} ${grouped(count(kind))}`]),
  ];
  const filter = (kind) => table.show(kind === "all" ? rows : rows.filter((row) => row.outcome === kind));
  return el(
    "div",
    { class: "restarts" },
    el("h3", {}, "Restarts"),
    cell.left_out
      ? notice("Left out", [`${grouped(cell.left_out)} of ${grouped(cell.n)} restarts of this cell are not listed`])
      : null,
    choice("show", filters, "all", filter),
    table.node,
  );
}
