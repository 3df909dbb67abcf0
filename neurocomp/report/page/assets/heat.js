// A published table as heat maps: measured, published, difference. A click on a place, a row or a column chooses cells.

const METRICS = {
  soft: "the soft machine is right on test examples",
  hard: "the decompiled program is",
  fit: "the soft machine is right on training examples",
  general: "the decompiled program is right on larger sizes",
};

function paperTable(table, metric, setMetric, choose) {
  const title = el("h2", { tabindex: "-1" }, `${table.name} in ${table.folder}`);
  if (table.problem) return el("section", { class: "paper" }, title, notice("Not drawn", [table.problem]));
  const { places, notes, caption } = table.metrics[metric];
  const at = new Map(places.map((place) => [JSON.stringify([place.row, place.task]), place]));
  const find = (row, task) => at.get(JSON.stringify([row, task]));
  const withNumbers = table.rows.filter((row) => table.tasks.some((task) => find(row, task).published !== null));
  const pick = (text, those) =>
    choose({
      text: `${table.name}: ${text}`,
      cells: new Set(those.map((place) => place.cell).filter((cell) => cell !== null)),
    });
  const panel = (name, rows, draw) => heatMap(name, rows, table.tasks, find, draw, pick);
  return el(
    "section",
    { class: "paper" },
    title,
    choice(
      "measure",
      Object.keys(METRICS).map((name) => [name, name]),
      metric,
      setMetric,
    ),
    el("p", { class: "small" }, caption),
    el(
      "div",
      { class: "panels" },
      panel("measured (%)", table.rows, measuredPlace),
      el(
        "div",
        {},
        panel("published (%)", withNumbers, publishedPlace),
        panel("difference (points)", withNumbers, differencePlace),
      ),
    ),
    el(
      "details",
      {},
      el("summary", {}, "notes"),
      el(
        "ul",
        {},
        notes.map((note) => el("li", {}, note)),
      ),
    ),
  );
}

function heatMap(name, rows, tasks, find, draw, pick) {
  const columns = tasks.map((task) =>
    el(
      "th",
      { scope: "col" },
      button(
        task,
        () =>
          pick(
            task,
            rows.map((row) => find(row, task)),
          ),
        { class: "link" },
      ),
    ),
  );
  const lines = rows.map((row) => {
    const those = tasks.map((task) => find(row, task));
    const head = el(
      "th",
      { scope: "row" },
      button(row, () => pick(row, those), { class: "link" }),
    );
    const act = (place) => () => pick(`${row}, ${place.task}`, [place]);
    return el(
      "tr",
      {},
      head,
      those.map((place) => heatPlace(place, draw(place), act(place))),
    );
  });
  return el(
    "div",
    { class: "scroll" },
    el(
      "table",
      { class: "heat" },
      el("caption", {}, name),
      el("thead", {}, el("tr", {}, el("td"), columns)),
      el("tbody", {}, lines),
    ),
  );
}

function heatPlace(place, shown, act) {
  if (shown === null)
    return el("td", { class: "none" }, el("span", { title: `${place.row}, ${place.task}: no number` }, "–"));
  const attributes = { class: `${shown.scale}${shown.share > 55 ? " deep" : ""}`, "--share": `${shown.share}%` };
  const content =
    place.cell === null
      ? el("span", { title: shown.hint }, shown.text)
      : button(shown.text, act, { title: shown.hint, "aria-label": shown.hint });
  return el("td", attributes, content);
}

function hintOf(place) {
  const interval = `${percent(place.ci_low, 1)}–${percent(place.ci_high, 1)}`;
  const ours =
    place.rate === null ? "not measured" : `measured ${percent(place.rate, 1)} % (${interval}), n=${place.n}`;
  const theirs = place.published === null ? "" : `; published ${percent(place.published)} %`;
  const apart = place.excluded ? "; the two intervals have nothing in common" : "";
  return `${place.row}, ${place.task}: ${ours}${theirs}${apart}`;
}

function measuredPlace(place) {
  if (place.rate === null) return null;
  return { text: percent(place.rate), share: Math.round(100 * place.rate), scale: "rate", hint: hintOf(place) };
}

function publishedPlace(place) {
  if (place.published === null) return null;
  return {
    text: percent(place.published),
    share: Math.round(100 * place.published),
    scale: "rate",
    hint: hintOf(place),
  };
}

function differencePlace(place) {
  if (place.difference === null) return null;
  const points = 100 * place.difference;
  const text = `${points > 0 ? "+" : ""}${points.toFixed(0)}${place.excluded ? " !" : ""}`;
  return { text, share: Math.round(Math.abs(points)), scale: points < 0 ? "below" : "above", hint: hintOf(place) };
}
