// Line charts in SVG: how many restarts had been recovered by each update, and losses.

const WIDTH = 460,
  HEIGHT = 190,
  LEFT = 46,
  BOTTOM = 32,
  TOP = 10,
  RIGHT = 20;

// lines: {points: [[x, y]...], label, steps?}. Updates are on a logarithmic scale from 1, with 0 at its left end.
function chart({ title, lines, last, high, unit, logarithmic = false, low = 0 }) {
  const x = (update) => LEFT + ((WIDTH - LEFT - RIGHT) * Math.log1p(update)) / Math.log1p(Math.max(1, last));
  const scaled = (value) =>
    logarithmic ? Math.log(Math.max(value, low) / low) / Math.log(high / low || 2) : (value - low) / (high - low || 1);
  const y = (value) => HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * Math.min(1, scaled(value));
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title, class: "chart" });
  for (const tick of [0, 1, 10, 100, 1000, 10000, 100000].filter((update) => update <= last)) {
    drawing.append(
      svg("line", { x1: x(tick), x2: x(tick), y1: TOP, y2: HEIGHT - BOTTOM, class: "grid" }),
      svg("text", { x: x(tick), y: HEIGHT - BOTTOM + 14, "text-anchor": "middle" }, grouped(tick)),
    );
  }
  const values = logarithmic ? decades(low, high) : [0, high / 2, high];
  for (const tick of values) {
    drawing.append(
      svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick), class: "grid" }),
      svg("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, Number(tick.toPrecision(3)).toString()),
    );
  }
  drawing.append(svg("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 2, "text-anchor": "middle" }, "updates"));
  lines.forEach(({ points, label, steps }, number) => {
    let path = "";
    points.forEach(([update, value], place) => {
      const [across, up] = [x(update).toFixed(1), y(value).toFixed(1)];
      path += !place ? `M${across},${up}` : steps ? `H${across}V${up}` : `L${across},${up}`;
    });
    drawing.append(svg("path", { d: path, class: `line line-${number % 6}` }, svg("title", {}, label)));
  });
  return el("figure", {}, el("figcaption", {}, `${title}${unit ? ` (${unit})` : ""}`), drawing);
}

function decades(low, high) {
  const found = [];
  for (let power = Math.ceil(Math.log10(low)); power <= Math.log10(high); power += 1) found.push(10 ** power);
  return found.length ? found : [low, high];
}

function recoveryChart(cell) {
  const updates = cell.restarts.updates.filter((update) => update !== null);
  const last = updates.reduce((most, update) => Math.max(most, update), 1);
  if (!cell.recovery.length) return null;
  const points = [[0, 0], ...cell.recovery, [last, cell.recovery[cell.recovery.length - 1][1]]];
  return chart({
    title: "restarts that tuning had recovered",
    unit: `of ${grouped(cell.n)}`,
    last,
    high: cell.n,
    lines: [{ points, label: "recovered on validation examples", steps: true }],
  });
}

// curves: [[label, points]...]
function lossChart(curves) {
  const drawn = curves.filter(([, points]) => points.length > 1);
  if (!drawn.length) return null;
  const losses = drawn.flatMap(([, points]) => points.map(([, loss]) => loss)).filter((loss) => loss > 0);
  if (!losses.length) return null;
  const last = Math.max(...drawn.map(([, points]) => points[points.length - 1][0]));
  const [low, high] = losses.reduce(
    ([least, most], loss) => [Math.min(least, loss), Math.max(most, loss)],
    [Infinity, 0],
  );
  const title = drawn.length === 1 ? `loss of ${drawn[0][0]}` : `losses of ${drawn.length} restarts`;
  return chart({
    title,
    unit: "on its training examples",
    last,
    low: Math.max(low, 1e-12),
    high,
    logarithmic: true,
    lines: drawn.map(([label, points]) => ({ points, label })),
  });
}
