// A table that sorts by a click on a column's head, draws some hundred rows at a time, and opens a row.

const DRAWN = 200;

function before(one, other) {
  if (one === other) return 0;
  if (one === null || one === undefined) return 2; // what is not known stands last, whatever the order
  if (other === null || other === undefined) return -2;
  return typeof one === "number" && typeof other === "number"
    ? one - other
    : String(one).localeCompare(String(other), "en", { numeric: true });
}

// columns: {title, value(row), show(row)?, number?, hint?}; the first column has the button that opens the row.
class SortedTable {
  constructor({ caption, columns, rows, open = null, isOpen = () => false, sorted = null, down = false }) {
    Object.assign(this, { columns, rows, open, isOpen, sorted, down, drawn: DRAWN });
    this.heads = columns.map((column, place) => this.head(column, place));
    this.body = el("tbody");
    this.more = el("p", { class: "more" });
    const table = el(
      "table",
      { class: "sorted" },
      el("caption", {}, caption),
      el("thead", {}, el("tr", {}, this.heads)),
      this.body,
    );
    this.node = el("div", {}, el("div", { class: "scroll" }, table), this.more);
    this.draw();
  }

  head(column, place) {
    const act = () => {
      this.down = this.sorted === place ? !this.down : Boolean(column.number);
      this.sorted = place;
      this.draw();
    };
    return el(
      "th",
      { scope: "col", class: column.number ? "number" : null },
      button(column.title, act, { title: column.hint }),
    );
  }

  show(rows) {
    this.rows = rows;
    this.drawn = DRAWN;
    this.draw();
  }

  ordered() {
    if (this.sorted === null) return this.rows;
    const value = this.columns[this.sorted].value;
    const sign = this.down ? -1 : 1;
    return this.rows
      .map((row, place) => [value(row), place, row])
      .sort((a, b) => {
        const order = before(a[0], b[0]);
        return (Math.abs(order) === 2 && (a[0] == null || b[0] == null) ? order : sign * order) || a[1] - b[1];
      })
      .map(([, , row]) => row);
  }

  draw() {
    this.heads.forEach((head, place) =>
      head.setAttribute("aria-sort", place !== this.sorted ? "none" : this.down ? "descending" : "ascending"),
    );
    const rows = this.ordered();
    this.body.replaceChildren(...rows.slice(0, this.drawn).map((row) => this.line(row)));
    const hidden = rows.length - this.drawn;
    this.more.replaceChildren();
    if (hidden > 0) {
      const act = () => {
        this.drawn += 5 * DRAWN;
        this.draw();
      };
      this.more.append(button(`show more: ${grouped(hidden)} rows are not drawn`, act));
    }
  }

  line(row) {
    const cells = this.columns.map((column, place) => {
      const shown = column.show ? column.show(row) : orDash(column.value(row));
      const opener = this.open && place === 0 ? button(shown, () => this.open(row), { class: "link" }) : shown;
      return el(
        place === 0 ? "th" : "td",
        { scope: place === 0 ? "row" : null, class: column.number ? "number" : null },
        opener,
      );
    });
    const act = (event) => {
      if (this.open && !event.target.closest("button, a") && !String(window.getSelection())) this.open(row);
    };
    return el(
      "tr",
      { class: this.open ? "opens" : null, "aria-current": this.isOpen(row) ? "true" : null, onclick: act },
      cells,
    );
  }
}
