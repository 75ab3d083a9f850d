// The page: maps on which a unit is chosen by pointer or keyboard, the diagram, and the table.

const $ = (selector, within = document) => within.querySelector(selector);
const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 0.25; // how much of the padding around the input is shown, as a share of it
const LONGEST = 1 << 20; // the most units of an axis that are followed
const SHADES = 4; // how many shades tell how often a place is read
const MOST_SHADED = 10_000; // more parts of a map are shaded alike
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

/** A name in a sentence, which it does not turn round if it is written from right to left. */
const isolated = (name) => (/[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(name) ? `\u2068${name}\u2069` : name);

const clamp = (ratio) => Math.min(Math.max(ratio, 1 / 8), 8); // of a map's width to its height

// ---------------------------------------------------------------------------------------------------- a map of units

/** A map that is drawn: it shows a set of units, and tells which unit is under the pointer or chosen by a key. */
class Picture {
  constructor(group, isLarge) {
    const [at] = group;
    this.at = at;
    this.group = group;
    this.most = isLarge ? LINES.large : LINES.small;
    const label = group.map((one) => maps[one].name).join(", ");
    this.sizes = maps[at].sizes;
    this.margin = [0, 0];
    const path = (name, attributes = {}) => make("path", { xmlns: SVG, class: name, ...attributes });
    this.paths = Object.fromEntries(["padding", "image", "boxed", "seen", "lines", "box", "self"].map((name) => [name, path(name)]));
    this.shades = Array.from({ length: SHADES }, (_, at) => path("shade", { "fill-opacity": 0.25 + (0.75 * (at + 1)) / SHADES }));
    const { padding, image, boxed, ...above } = this.paths;
    this.svg = make("svg", { xmlns: SVG, preserveAspectRatio: "none", "aria-hidden": "true" }, padding, image, boxed, ...this.shades, ...Object.values(above));
    this.pad = make("div", { class: "map", tabindex: "0", role: "application", "aria-roledescription": "map of units" }, this.svg);
    this.pad.setAttribute("aria-label", `${label}, ${shape(this.sizes)} ${at < inputs ? "pixels" : "units"}; arrow keys move${this.sizes.length > 2 ? ", PageUp and PageDown along the first axis" : ""}`);
    this.pad.setAttribute("aria-describedby", "said");
    this.note = make("span", { class: "note" });
    this.place = make("span", { class: "note" });
    const more = group.length > 1 ? make("span", { class: "more" }, ` +${group.length - 1}`) : "";
    const title = make("span", { class: "title", title: label }, make("b", {}, make("bdi", {}, maps[at].name)), more);
    this.element = make("figure", isLarge ? { class: "large" } : {}, make("div", { class: "frame" }, this.pad), make("figcaption", {}, title, this.note, this.place));
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
    const ratio = clamp(width / height);
    Object.assign(this.pad.style, { aspectRatio: ratio, [ratio < widest ? "height" : "width"]: "100%" });
    this.paths.padding.setAttribute("d", x || y ? `M${-x} ${-y}h${width}v${height}h${-width}zM0 0v${h}h${w}v${-h}z` : "");
    this.paths.image.setAttribute("d", `M0 0h${w}v${h}h${-w}z`);
    const lines = [];
    if (Math.max(h, w) <= this.most) {
      for (let at = 1; at < h; at++) lines.push(`M0 ${at}h${w}`);
      for (let at = 1; at < w; at++) lines.push(`M${at} 0v${h}`);
    }
    this.paths.lines.setAttribute("d", lines.join(""));
  }

  /** Show a region (null: none; a text: why it is not known), a box, if there is one, and how often places are read. */
  show(region, kind, box, times) {
    this.element.dataset.kind = kind;
    const found = Array.isArray(region) ? hull(region) : null;
    this.slice = found ? middle(region) : this.sizes.slice(0, -2).map(() => 0);
    const path = found ? outline(region, this.slice) : "";
    this.paths.seen.setAttribute("d", kind === "self" ? "" : path);
    this.paths.self.setAttribute("d", kind === "self" ? path : "");
    const shades = (found && times && shaded(times, this.slice, found, this.sizes)) || Array.from({ length: SHADES }, (_, at) => (at === SHADES - 2 ? path : ""));
    this.shades.forEach((one, at) => one.setAttribute("d", kind === "self" ? "" : shades[at]));
    for (const one of [this.paths.boxed, this.paths.box]) one.setAttribute("d", box ? frameOf(box.slice(-2)) : "");
    const what = this.at < inputs ? "pixel" : "unit";
    const slice = this.slice.length ? `, slice ${this.slice.join(", ")}` : "";
    this.note.textContent = shape(this.sizes) + (found && kind !== "self" ? ` · ${number(count(region))}` : "") + slice;
    this.place.textContent = found ? (kind === "self" ? `${what} ` : "") + brief(found) : typeof region === "string" ? "not known" : kind === "none" ? "\u00a0" : "none";
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

/** The path of a region in a slice: a rectangle for each run of units in each run of equal rows. */
function outline(region, slice) {
  const inside = region.filter((one) => slice.every((at, axis) => one[axis][at])).map((one) => one.slice(slice.length));
  const path = [];
  for (const one of inRows(inside)) {
    const [down, across] = [...[full(1), full(1)].slice(one.length), ...one].map(runsOf);
    for (const rows of down) for (const columns of across) path.push(frameOf([rows, columns]));
  }
  return path.join("");
}

/** The paths of each shade of a slice, the places that are read most often in the last; null for too many. */
function shaded(times, slice, found, sizes) {
  const terms = times.map((numbers) => {
    const share = slice.reduce((product, at, axis) => product * numbers[axis][at], 1);
    const [down, across] = [[1], [1], ...numbers.slice(slice.length)].slice(-2);
    return { down: down.map((number) => number * share), across };
  });
  const [height, width] = [[0, 0], [0, 0], ...found.slice(slice.length)].slice(-2);
  const rows = equal(height, terms.map(({ down }) => down));
  const columns = equal(width, terms.map(({ across }) => across));
  if (!sizes.length || rows.length * columns.length > MOST_SHADED) return null;
  const values = rows.map(([y]) => columns.map(([x]) => terms.reduce((total, { down, across }) => total + down[y] * across[x], 0)));
  const most = Math.max(...values.map((row) => Math.max(...row)));
  const paths = Array.from({ length: SHADES }, () => []);
  values.forEach((row, y) => row.forEach((value, x) => value && paths[Math.ceil((value * SHADES) / most) - 1].push(frameOf([rows[y], columns[x]]))));
  return paths.map((path) => path.join(""));
}

/** The runs of places from one to another, first and last, along which each of some lists has the same number. */
function equal([first, last], lists) {
  const runs = [];
  for (let at = first; at <= last; at++) {
    if (at > first && lists.every((list) => list[at] === list[at - 1])) runs.at(-1)[1] = at;
    else runs.push([at, at]);
  }
  return runs;
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
const large = [];

/** Choose a unit of a map, and show what it sees before it and what sees it after it. */
function choose(at, index) {
  if (chosen.at === at && String(chosen.index) === String(index)) return;
  const moved = chosen.at !== at;
  chosen = { at, index };
  if (at >= inputs && looked !== at) look(at);
  const seen = around(maps, at, index);
  const { regions, bounds } = seen;
  const frames = boxes(maps, at, index, seen);
  for (const picture of [...pictures, ...large]) {
    const kind = kindOf(picture.at, regions);
    const times = kind === "before" ? overlap(maps, picture.group.findLast((one) => one < at), at, regions) : null;
    picture.show(kind === "none" ? null : regions[picture.at], kind, picture.at < inputs && at >= inputs ? frames[picture.at] : null, times);
  }
  for (const node of nodes) node.dataset.kind = kindOf(Number(node.dataset.at), regions);
  if (moved) {
    for (const element of [...rows, ...nodes]) element.setAttribute("aria-current", element.dataset.at == at);
    const place = nodes.findLastIndex((node) => node.dataset.at <= at);
    const box = $("#diagram .scroll");
    const [top, tall] = [(place * box.scrollHeight) / nodes.length, box.clientHeight];
    if (top < box.scrollTop || top > box.scrollTop + tall - 30) box.scrollTop = top - tall / 2;
    $("#layer").value = at;
  }
  if (document.activeElement !== $("#unit")) $("#unit").value = index.join(", ");
  $("#said").textContent = said(regions, bounds, frames);
}

/** Whether a map is the chosen one, before it, after it, or not on a way to it, or to the input. */
const kindOf = (at, regions) => (at === chosen.at ? "self" : regions[at] === null || !reached.has(at) ? "none" : at < chosen.at ? "before" : "after");

/** Put the large maps of the input and of a layer beside each other; that of the input stays, with its focus. */
function look(at) {
  looked = at;
  large.splice(inputs).forEach((picture) => picture.element.remove());
  while (large.length < inputs) large.push(new Picture([large.length], true));
  large.push(new Picture([at], true));
  for (const picture of large.slice(0, inputs)) picture.margin = margins(at, picture.at), picture.frame();
  for (const picture of large) if (!picture.element.isConnected) $("#pair").append(picture.element);
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
    element.setAttribute("role", "button");
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

// ------------------------------------------------------------------------------------------------ a window, by steps

/** Show a layer's window step by step: its maps as grids of numbers, a slider, and the arithmetic. */
class Stepper {
  constructor({ maps, steps, begin, legend, more }) {
    this.steps = steps;
    this.grids = [];
    const rows = maps.map((row) => make("div", { class: "grids" }, ...row.map((map) => this.grid(...map))));
    this.slider = make("input", { type: "range", id: "step", min: 1, max: steps.length, value: begin + 1 });
    this.title = make("p", { id: "step-title" });
    this.lines = make("pre", { role: "status" });
    this.section = make("section", { id: "window", "aria-labelledby": "window-title" },
      make("h2", { id: "window-title" }, "The window, step by step"), ...legend.map((line) => make("p", { class: "hint" }, line)),
      make("form", {}, make("label", { class: "wide" }, "Step ", this.slider)), this.title, ...rows, this.lines,
      ...(more ? [make("p", { class: "hint" }, more)] : []));
    this.texts = maps.flat().map(([name, , texts]) => ({ name, texts }));
    this.slider.addEventListener("input", () => this.show(this.slider.value - 1));
    this.show(begin);
  }

  grid(name, width, texts) {
    const cells = texts.map((text) => make("td", {}, text));
    const rows = cells.flatMap((_, at) => (at % width ? [] : [make("tr", {}, ...cells.slice(at, at + width))]));
    const caption = make("caption", {}, name);
    this.grids.push({ caption, cells });
    return make("table", { class: "grid" }, caption, make("tbody", {}, ...rows));
  }

  /** Show a step: what changes from step to step is counted from the first. */
  show(number) {
    const now = this.texts.map(({ name, texts }) => ({ name, texts: [...texts] }));
    for (const { changed } of this.steps.slice(0, number + 1))
      changed.forEach(([name, cells], map) => {
        now[map].name = name ?? now[map].name;
        for (const [at, text] of cells) now[map].texts[at] = text;
      });
    const { title, marked, lines } = this.steps[number];
    this.grids.forEach(({ caption, cells }, map) => {
      const { name, texts } = now[map];
      caption.textContent = name;
      cells.forEach((cell, at) => {
        cell.textContent = texts[at];
        cell.className = (/^[·?]$/.test(texts[at]) ? "empty " : "") + (marked[map].includes(at) ? "marked" : "");
      });
    });
    this.title.textContent = title;
    this.slider.setAttribute("aria-valuetext", title);
    this.lines.textContent = lines.join("\n");
  }
}

// ------------------------------------------------------------------------------------------------------ what is known

/** The maps: the input, then every layer, blocks opened. */
function mapsOf({ input, layers }) {
  const found = [];
  const places = new Map();
  const add = ({ name, op, sizes, places: own, reads = [] }) => {
    for (const axis of reads.flatMap((read) => read.axes ?? []))
      if (axis) axis.digits ??= axis.axis === null ? [] : [[axis.axis, 1, sizes[axis.axis], 1]];
    const followed = reads.map(({ layer, axes, bound }) => ({
      at: places.get(layer),
      axes,
      bound: bound && `${name}: ${bound}`,
      unknown: `it is not known what the units of ${name} (${op}) read`,
    }));
    places.set(name, found.length);
    found.push({ name, all: sizes, places: own, sizes: own.map((place) => sizes[place]), reads: followed });
  };
  add({ ...input, name: "input" });
  layers.forEach(add);
  return found;
}

/** How much of the padding to show around the input for a layer, along its last two axes. */
function margins(at, input) {
  const { sizes } = maps[input];
  const corners = [maps[at].sizes.map(() => 0), maps[at].sizes.map((n) => n - 1)].map((index) => boxes(maps, at, index, around(maps, at, index))[input]);
  const beyond = sizes.map((n, axis) => {
    const [first, last] = corners.map((box) => box?.[axis]);
    return Math.min(Math.max(0, -(first?.[0] ?? 0), (last?.[1] ?? 0) - n + 1), Math.ceil(n * MARGIN));
  });
  return [beyond.at(-2) ?? 0, beyond.at(-1) ?? 0];
}

/** Say in words what is chosen and what is shown for it. */
function said(regions, bounds, frames) {
  const { at, index } = chosen;
  const about = (region, other, verb, what) => {
    const found = region && hull(region);
    if (!found) return `${verb} no ${what} of ${isolated(maps[other].name)}`;
    const boxed = prod(found.map(([first, last]) => last - first + 1));
    const own = count(region);
    const share = own < boxed ? `${number(own)} of the ${number(boxed)}` : number(own);
    return `${verb} ${share} ${what}${boxed === 1 ? "" : "s"} of ${isolated(maps[other].name)}: ${words(maps[other].sizes, found)}`;
  };
  const place = `(${index.join(", ")}) of ${isolated(maps[at].name)}`;
  const unknown = typeof regions[at < inputs ? looked : 0] === "string" ? regions[at < inputs ? looked : 0] : null;
  if (unknown) return `${at < inputs ? "Pixel" : "Unit"} ${place}: ${unknown}.`;
  if (at < inputs) return `Pixel ${place} ${about(regions[looked], looked, "is seen by", "unit")}.`;
  const box = frames[0];
  const beyond = box?.some(([first, last], axis) => first < 0 || last >= maps[0].sizes[axis]);
  const more = beyond ? ` Its box reaches into the padding: ${words(maps[0].sizes, box)}.` : "";
  const verb = bounds[0] ? "sees at most" : "sees";
  return `Unit ${place} ${about(regions[0], 0, verb, "pixel")}${bounds[0] ? ` (${bounds[0]})` : ""}.${more}`;
}

/** The maps that are drawn: chains of layers that work unit by unit share one. */
function groupsOf(maps) {
  const readers = maps.map(() => 0);
  for (const map of maps) for (const read of map.reads) readers[read.at]++;
  const isSame = (map, { at, axes }) =>
    axes !== null && map.places.length === maps[at].places.length &&
    maps[at].places.every((place, i) => isItself(axes[place]) && String(axes[place].digits) === String([map.places[i], 1, map.sizes[i], 1]));
  const groups = [];
  const owner = [];
  maps.forEach((map, at) => {
    const [read] = map.reads;
    const joins = map.reads.length === 1 && readers[read.at] === 1 && read.at >= inputs && isSame(map, read);
    owner.push(joins ? owner[read.at] : groups.length);
    if (joins) groups[owner[at]].push(at);
    else groups.push([at]);
  });
  return groups;
}

/** Why units cannot be followed in these maps; null if they can. */
function obstacle(maps) {
  const sizes = maps.flatMap((map) => map.all);
  if (!sizes.every(Number.isInteger)) return "Units have a place only where sizes are known: give the input's, as -i 3x224x224.";
  return Math.max(...sizes) > LONGEST ? `An axis has more than ${number(LONGEST)} units: too many to follow here.` : null;
}

/** The map of a row of the table or the diagram; of a block, that of its last layer. */
function mapOf(element) {
  const { name } = element.dataset;
  const at = maps.findIndex((map) => map.name === name);
  return at >= 0 ? at : maps.findLastIndex((map) => map.name.startsWith(`${name}.`));
}

/** Let the maps, the diagram and the form choose units; begin with that of the command, or in the middle. */
function follow() {
  $("#maps").append(...pictures.map((picture) => picture.element));
  for (const element of [...rows, ...nodes]) element.dataset.at = mapOf(element);
  const use = (at) => (pin(true), choose(Number(at), centre(at)));
  walk(nodes, (node) => use(node.dataset.at));
  for (const row of rows) $("button", row).addEventListener("click", () => use(row.dataset.at));
  $("#layer").append(...maps.map((map, at) => make("option", { value: at }, `\u2068${map.name}\u2069 ${shape(map.sizes)}`)));
  $("#layer").addEventListener("change", (event) => use(event.target.value));
  $("#pinned").addEventListener("change", (event) => pin(event.target.checked));
  $("#unit").addEventListener("input", (event) => {
    const { sizes } = maps[chosen.at];
    const numbers = event.target.value.split(",").map((text) => (/^\s*\d+\s*$/.test(text) ? Number(text) : NaN));
    const index = sizes.length ? numbers : [];
    const fits = index.length === sizes.length && index.every((at, axis) => at < sizes[axis]);
    event.target.setAttribute("aria-invalid", !fits);
    if (fits) pin(true), choose(chosen.at, index);
  });
  const { of, index } = fields.unit ?? {};
  if (of !== undefined) return choose(maps.findIndex((map) => map.name === of), index);
  const last = maps.findLastIndex((map) => prod(map.sizes) > 1);
  choose(Math.max(last, inputs), centre(Math.max(last, inputs)));
}

const fields = JSON.parse($("#fields").textContent);
const maps = fields.why ? [] : mapsOf(fields);
const inputs = 1; // the maps before the layers
const reached = new Set([0]); // those that depend on the input
maps.forEach((map, at) => map.reads.some((read) => reached.has(read.at)) && reached.add(at));
const why = fields.why ? `A ${fields.why.slice(2)}: take a part of them with --until and --after.` : obstacle(maps);
const rows = [...document.querySelectorAll("#layers tbody tr")];
const nodes = [...document.querySelectorAll("#diagram .layer")];
const ratios = maps.filter((map) => prod(map.sizes) > 1).map(({ sizes }) => clamp(sizes.at(-1) / (sizes.at(-2) ?? 1)));
const widest = Math.max(1, Math.min(...ratios)); // the frame that all maps have room in
$("#units").style.setProperty("--frame", widest);
const pictures = why ? [] : groupsOf(maps).map((group) => new Picture(group, false));
for (const head of document.querySelectorAll("#layers thead th")) $("button", head).addEventListener("click", () => sort(head));
const steps = $("#steps") && JSON.parse($("#steps").textContent);
if (steps) $("main").prepend(steps.steps ? new Stepper(steps).section : make("section", { id: "window" }, make("p", {}, steps.more)));
if (why) $("#units").replaceChildren(make("p", {}, why));
else follow();
