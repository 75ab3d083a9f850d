// The page: maps on which a unit is chosen by pointer or keyboard, the diagram, and the table.

const $ = (selector, within = document) => within.querySelector(selector);
const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 0.25; // how much of the padding around the input is shown, as a share of it
const LINES = { small: 16, large: 48 }; // the most units along an axis that are set apart by lines

/** Make an element with attributes and children; a namespace makes one of a drawing. */
function make(tag, attributes = {}, ...children) {
  const element = attributes.xmlns ? document.createElementNS(attributes.xmlns, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (name !== "xmlns") element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const AXES = { 0: [], 1: ["position"], 2: ["row", "column"], 3: ["depth", "row", "column"] };
const names = (sizes) => AXES[sizes.length] ?? sizes.map((_, axis) => `axis ${axis + 1}`);
const shape = (sizes) => (sizes.length ? sizes.join("×") : "1");
const number = (n) => n.toLocaleString("en");
const minus = (n) => String(n).replace("-", "−");

/** `rows 3 to 7, columns 3 to 7` of a hull. */
function words(sizes, box) {
  const parts = names(sizes).map((name, axis) => {
    const [first, last] = box[axis];
    return first === last ? `${name} ${minus(first)}` : `${name}s ${minus(first)} to ${minus(last)}`;
  });
  return parts.join(", ") || "all of it";
}

/** `3–7, 3–7` of a hull. */
const brief = (box) => box.map(([first, last]) => (first === last ? first : `${first}–${last}`)).join(", ") || "all";

// ---------------------------------------------------------------------------------------------------- a map of units

/** A map that is drawn: it shows a set of units, and tells which unit is under the pointer or chosen by a key. */
class Picture {
  constructor(at, group, isLarge) {
    this.at = at;
    this.most = isLarge ? LINES.large : LINES.small;
    const label = group.join(", ");
    this.sizes = maps[at].sizes;
    this.margin = [0, 0];
    const parts = ["padding", "image", "seen", "lines", "box", "self"].map((name) => [name, make("path", { xmlns: SVG, class: name })]);
    this.paths = Object.fromEntries(parts);
    this.svg = make("svg", { xmlns: SVG, preserveAspectRatio: "none", "aria-hidden": "true" }, ...Object.values(this.paths));
    this.pad = make("div", { class: "map", tabindex: "0", role: "application", "aria-roledescription": "map of units" }, this.svg);
    this.pad.setAttribute("aria-label", `${label}, ${shape(this.sizes)} ${at < inputs ? "pixels" : "units"}; arrow keys move`);
    this.pad.setAttribute("aria-describedby", "said");
    this.note = make("span", { class: "note" });
    const more = group.length > 1 ? make("span", { class: "more" }, ` +${group.length - 1}`) : "";
    const title = make("span", { class: "title", title: label }, make("b", {}, group[0]), more);
    this.element = make("figure", isLarge ? { class: "large" } : {}, this.pad, make("figcaption", {}, title, this.note));
    this.pad.addEventListener("pointermove", (event) => pinned || choose(at, this.unitAt(event)));
    this.pad.addEventListener("pointerdown", (event) => {
      pin(!pinned || !(chosen.at === at && String(chosen.index) === String(this.unitAt(event))));
      choose(at, this.unitAt(event));
    });
    this.pad.addEventListener("keydown", (event) => this.key(event));
    this.pad.addEventListener("focus", () => pinned || chosen.at === at || choose(at, centre(at)));
    this.frame();
  }

  /** The last two axes, as height and width. */
  get plane() {
    return [this.sizes.at(-2) ?? 1, this.sizes.at(-1) ?? 1];
  }

  /** Draw what does not change: the image, its lines, and the padding around it. */
  frame() {
    const [h, w] = this.plane;
    const [y, x] = this.margin;
    const [height, width] = [h + 2 * y, w + 2 * x];
    this.svg.setAttribute("viewBox", `${-x} ${-y} ${width} ${height}`);
    this.pad.style.aspectRatio = Math.min(Math.max(width / height, 0.5), 8);
    this.paths.padding.setAttribute("d", x || y ? `M${-x} ${-y}h${width}v${height}h${-width}zM0 0v${h}h${w}v${-h}z` : "");
    this.paths.image.setAttribute("d", `M0 0h${w}v${h}h${-w}z`);
    const lines = [];
    if (h <= this.most) for (let at = 1; at < h; at++) lines.push(`M0 ${at}h${w}`);
    if (w <= this.most) for (let at = 1; at < w; at++) lines.push(`M${at} 0v${h}`);
    this.paths.lines.setAttribute("d", lines.join(""));
  }

  /** Show a set (null: none; a text: why it is not known), and the box of an interval an axis, if there is one. */
  show(set, kind, box) {
    this.element.dataset.kind = kind;
    const found = set && typeof set !== "string" ? hull(set) : null;
    this.slice = this.sizes.length > 2 ? this.sizes.slice(0, -2).map((_, axis) => (found ? (found[axis][0] + found[axis][1]) >> 1 : 0)) : [];
    const is_self = kind === "self";
    this.paths.seen.setAttribute("d", found && !is_self ? outline(set, this.slice) : "");
    this.paths.self.setAttribute("d", found && is_self ? outline(set, this.slice) : "");
    this.paths.box.setAttribute("d", box ? frameOf(box.slice(-2)) : "");
    this.note.textContent = typeof set === "string" ? `not known: ${set}` : this.told(set, found, kind);
  }

  /** The caption's second line. */
  told(set, found, kind) {
    const parts = [shape(this.sizes)];
    if (found) parts.push(kind === "self" ? `${this.at < inputs ? "pixel" : "unit"} ${found.map(([first]) => first).join(", ")}` : `${number(size(set))} at ${brief(found)}`);
    else if (kind !== "none") parts.push("none");
    if (this.slice.length) parts.push(`slice ${this.slice.join(", ")}`);
    return parts.join(" · ");
  }

  /** The unit under the pointer. */
  unitAt(event) {
    const box = this.svg.getBoundingClientRect();
    const [h, w] = this.plane;
    const [y, x] = this.margin;
    const place = (part, n, margin) => Math.min(Math.max(Math.floor(part * (n + 2 * margin) - margin), 0), n - 1);
    const index = [place((event.clientY - box.top) / box.height, h, y), place((event.clientX - box.left) / box.width, w, x)];
    const before = chosen.at === this.at ? chosen.index.slice(0, -2) : this.slice;
    return [...before, ...index].slice(-this.sizes.length || Infinity);
  }

  /** Move the unit by a key: arrows along the last two axes, PageUp and PageDown along the first of three. */
  key(event) {
    const nd = this.sizes.length;
    const moves = { ArrowUp: [nd - 2, -1], ArrowDown: [nd - 2, 1], ArrowLeft: [nd - 1, -1], ArrowRight: [nd - 1, 1] };
    Object.assign(moves, { PageUp: [nd - 3, -1], PageDown: [nd - 3, 1], Home: [nd - 1, -Infinity], End: [nd - 1, Infinity] });
    if (event.key === "Enter" || event.key === " ") pin(!pinned);
    else if (event.key === "Escape") pin(false);
    else if (event.key in moves && !event.altKey && !event.ctrlKey && !event.metaKey) {
      const [axis, by] = moves[event.key];
      const index = chosen.at === this.at ? [...chosen.index] : centre(this.at);
      if (axis >= 0) index[axis] = Math.min(Math.max(index[axis] + by * (event.shiftKey ? 10 : 1), 0), this.sizes[axis] - 1);
      choose(this.at, index);
    } else return;
    event.preventDefault();
  }
}

/** The path of an interval an axis. */
function frameOf(box) {
  const [[top, bottom], [left, right]] = box.length > 1 ? box : [[0, 0], box[0] ?? [0, 0]];
  return `M${left} ${top}h${right - left + 1}v${bottom - top + 1}h${left - right - 1}z`;
}

/** The path of a set in a slice: a rectangle for each run of units in each run of equal rows. */
function outline(set, slice) {
  const w = set.sizes.at(-1) ?? 1;
  const h = set.sizes.at(-2) ?? 1;
  const path = [];
  if (set.axes) {
    if (slice.some((at, axis) => !set.axes[axis][at])) return "";
    const across = runsOf(set.axes.at(-1) ?? new Uint8Array([1]));
    for (const [top, bottom] of runsOf(set.axes.at(-2) ?? new Uint8Array([1])))
      for (const [left, right] of across) path.push(frameOf([[top, bottom], [left, right]]));
    return path.join("");
  }
  const from = slice.reduce((at, one, axis) => at * set.sizes[axis] + one, 0) * h * w;
  for (let y = 0; y < h; y++)
    for (const [left, right] of runsOf(set.all.subarray(from + y * w, from + (y + 1) * w))) path.push(frameOf([[y, y], [left, right]]));
  return path.join("");
}

/** The runs of ones in a bitmap, first and last. */
function runsOf(bits) {
  const found = [];
  for (let first = bits.indexOf(1); first !== -1; ) {
    let last = bits.indexOf(0, first);
    if (last === -1) last = bits.length;
    found.push([first, last - 1]);
    first = bits.indexOf(1, last);
  }
  return found;
}

// ---------------------------------------------------------------------------------------------------------- choosing

const centre = (at) => maps[at].sizes.map((n) => n >> 1);
let chosen = { at: -1, index: [] };
let looked = -1; // the layer beside the input
let pinned = false;
let large = [];

/** Choose a unit of a map, and show what it sees before it and what sees it behind. */
function choose(at, index) {
  if (chosen.at === at && String(chosen.index) === String(index)) return;
  const moved = chosen.at !== at;
  chosen = { at, index };
  if (at >= inputs && looked !== at) look(at);
  const sets = around(maps, at, index);
  for (const picture of [...pictures, ...large]) {
    const kind = picture.at === at ? "self" : sets[picture.at] === null ? "none" : picture.at < at ? "before" : "behind";
    picture.show(sets[picture.at], kind, picture.at < inputs && at >= inputs ? boxOf(maps[at], index, picture.at) : null);
  }
  for (const node of nodes) node.dataset.kind = sets[node.dataset.at] === null ? "none" : node.dataset.at == at ? "self" : node.dataset.at < at ? "before" : "behind";
  if (moved) {
    for (const row of rows) row.toggleAttribute("data-chosen", row.dataset.at == at);
    $("#layer").value = at;
  }
  if (document.activeElement !== $("#unit")) $("#unit").value = index.join(", ");
  $("#said").textContent = said(sets);
}

/** Put the large maps of the input and of a layer beside each other. */
function look(at) {
  looked = at;
  const kept = large.filter((picture) => picture.at < inputs);
  large = kept.length ? kept : maps.slice(0, inputs).map((map, input) => new Picture(input, [map.name], true));
  large.push(new Picture(at, [maps[at].name], true));
  for (const picture of large.slice(0, -1)) picture.margin = margins(maps[at], picture.at), picture.frame();
  $("#pair").replaceChildren(...large.map((picture) => picture.element));
}

/** Keep the chosen unit while the pointer moves, or let it go. */
function pin(is_pinned) {
  pinned = is_pinned;
  document.body.toggleAttribute("data-pinned", pinned);
  $("#pinned").checked = pinned;
}

// --------------------------------------------------------------------------------------------- the diagram, the table

/** Let the arrow keys walk through elements of which one takes the focus, and Enter or a click use it. */
function walk(elements, use) {
  elements.forEach((element, at) => {
    element.setAttribute("tabindex", at ? "-1" : "0");
    element.addEventListener("click", () => use(element));
    element.addEventListener("keydown", (event) => {
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: elements.length - 1 }[event.key];
      if (event.key === "Enter" || event.key === " ") use(element);
      else if (elements[to]) {
        element.setAttribute("tabindex", "-1");
        elements[to].setAttribute("tabindex", "0");
        elements[to].focus();
      } else return;
      event.preventDefault();
    });
  });
}

/** Sort the table by a column: numbers the largest first, texts by the alphabet, again for the other way round. */
function sort(head) {
  const table = $("#layers");
  const column = [...head.parentNode.children].indexOf(head);
  const first = head.dataset.numbers === undefined ? "ascending" : "descending";
  const other = first === "ascending" ? "descending" : "ascending";
  const way = head.getAttribute("aria-sort") === first ? other : first;
  for (const one of head.parentNode.children) one.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", way);
  const key = (row) => row.children[column].dataset.key ?? row.children[column].textContent;
  const sign = way === "ascending" ? 1 : -1;
  const compare = (a, b) => {
    if (head.dataset.numbers === undefined) return sign * key(a).localeCompare(key(b), "en", { numeric: true });
    return key(a) === "" || key(b) === "" ? (key(a) === "") - (key(b) === "") : sign * (key(a) - key(b));
  };
  $("tbody", table).append(...[...rows].sort((a, b) => compare(a, b) || a.dataset.at - b.dataset.at));
}

// ------------------------------------------------------------------------------------------------------ what is known

/** The maps of a report: its inputs, then every layer, blocks opened. */
function mapsOf(report) {
  const found = [];
  const places = new Map();
  const add = (name, layer, reads) => {
    places.set(name, found.length);
    found.push({ name, layer, reads, sizes: layer ? layer.report.fields.units : [] });
  };
  add("input", null, []);
  const open = (layers, within, outside) => {
    for (const layer of layers) {
      const reads = (layer.report.fields.reads ?? []).map((read) => ({ ...read, at: places.get(read.name === "input" ? outside : within + read.name) }));
      add(within + layer.name, layer, reads);
    }
  };
  open(report.layers, "", "input");
  for (const map of found) for (const read of map.reads) if (read.axes && !found[read.at].layer) found[read.at].sizes = read.axes.map((axis) => axis.n);
  return found;
}

/** The box of a unit on an input: the interval on each axis, also in the padding; null if it is not known. */
function boxOf(map, index) {
  const { rf } = map.layer.report;
  if (!rf) return null;
  const box = rf.size.map((n, axis) => {
    if (n === null) return null;
    const phases = rf.phases?.[axis];
    if (!phases) return rf.start[axis] === null ? null : [rf.start[axis] + index[axis] * rf.stride[axis], rf.start[axis] + index[axis] * rf.stride[axis] + n - 1];
    return null;
  });
  return box.includes(null) ? null : box;
}

/** How much of the padding to show around the input for a layer, along its last two axes. */
function margins(map, input) {
  const sizes = maps[input].sizes;
  const corners = [boxOf(map, map.sizes.map(() => 0)), boxOf(map, map.sizes.map((n) => n - 1))];
  const beyond = sizes.map((n, axis) => {
    const [first, last] = corners.map((box) => box?.[axis]);
    return Math.min(Math.max(0, -(first?.[0] ?? 0), (last?.[1] ?? 0) - n + 1), Math.ceil(n * MARGIN));
  });
  return [beyond.at(-2) ?? 0, beyond.at(-1) ?? 0];
}

/** Say in words what is chosen and what is shown for it. */
function said(sets) {
  const { at, index } = chosen;
  const place = `(${index.join(", ")})`;
  const about = (set, other, verb, what) => {
    if (typeof set === "string") return `what ${verb} is not known: ${set}`;
    const found = set && hull(set);
    if (!found) return `${verb} no ${what} of ${maps[other].name}`;
    const boxed = product(found.map(([first, last]) => last - first + 1));
    const share = size(set) < boxed ? `${number(size(set))} of the ${number(boxed)}` : number(size(set));
    return `${verb} ${share} ${what}${boxed === 1 ? "" : "s"} of ${maps[other].name}: ${words(maps[other].sizes, found)}`;
  };
  if (at < inputs) return `Pixel ${place} of ${maps[at].name} ${about(sets[looked], looked, "is seen by", "unit")}.`;
  const parts = maps.slice(0, inputs).map((_, input) => (sets[input] === null ? null : about(sets[input], input, "sees", "pixel"))).filter(Boolean);
  const box = boxOf(maps[at], index);
  const beyond = box?.some(([first, last], axis) => first < 0 || last >= maps[0].sizes[axis]);
  const more = beyond ? ` Its box reaches into the padding: ${words(maps[0].sizes, box)}.` : "";
  return `Unit ${place} of ${maps[at].name} ${parts.join("; ") || "sees no pixel"}.${more}`;
}

/** The maps that are drawn: chains of layers that work unit by unit share one. */
function groupsOf(maps) {
  const readers = maps.map(() => 0);
  for (const map of maps) for (const read of map.reads) readers[read.at]++;
  const isSame = (axis) => !axis.whole && !axis.phases && axis.taps === 1 && axis.s === 1 && axis.start === 0 && axis.n === axis.out;
  const groups = [];
  const owner = [];
  maps.forEach((map, at) => {
    const [read] = map.reads;
    const joins = map.reads.length === 1 && readers[read.at] === 1 && read.axes?.every(isSame) && read.at >= inputs;
    owner.push(joins ? owner[read.at] : groups.length);
    if (joins) groups[owner[at]].push(at);
    else groups.push([at]);
  });
  return groups;
}

/** Begin with the unit that the command names, else with the middle of the last map of more than one unit. */
function begin() {
  const { of, index } = report.unit ?? {};
  if (of !== undefined) return choose(maps.findIndex((map) => map.name === of), index);
  const last = maps.findLastIndex((map) => product(map.sizes) > 1);
  return choose(Math.max(last, inputs), centre(Math.max(last, inputs)));
}

const report = JSON.parse($("#report").textContent);
const maps = mapsOf(report);
const inputs = maps.filter((map) => !map.layer).length;
const rows = [...document.querySelectorAll("#layers tbody tr")];
const nodes = [...document.querySelectorAll("#diagram .layer")];
const pictures = groupsOf(maps).map((group) => new Picture(group[0], group.map((at) => maps[at].name), false));
$("#maps").append(...pictures.map((picture) => picture.element));
const place = (element) => maps.findIndex((map) => map.name === element.dataset.name);
for (const element of [...rows, ...nodes]) element.dataset.at = place(element);
const use = (element) => (pin(true), choose(Number(element.dataset.at), centre(element.dataset.at)));
walk(nodes, use);
for (const row of rows) $("button", row).addEventListener("click", () => use(row));
for (const head of document.querySelectorAll("#layers thead th")) $("button", head).addEventListener("click", () => sort(head));
$("#layer").append(...maps.map((map, at) => make("option", { value: at }, `${map.name} ${shape(map.sizes)}`)));
$("#layer").addEventListener("change", (event) => (pin(true), choose(Number(event.target.value), centre(event.target.value))));
$("#pinned").addEventListener("change", (event) => pin(event.target.checked));
$("#unit").addEventListener("input", (event) => {
  const { sizes } = maps[chosen.at];
  const index = event.target.value.split(",").map((text) => (/^\s*\d+\s*$/.test(text) ? Number(text) : NaN));
  const fits = index.length === sizes.length && index.every((at, axis) => at < sizes[axis]);
  event.target.setAttribute("aria-invalid", !fits);
  if (fits) pin(true), choose(chosen.at, index);
});
begin();
