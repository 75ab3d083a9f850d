// Sets of units, carried from map to map by the relations that `cnncalc rf --json` prints as `fields.reads`.
//
// A map has a size for each axis. A set of its units is {sizes, axes}, the product of a bitmap for each axis, or, where
// branches meet that are not such a product, {sizes, all}, one bitmap of the whole map.

const product = (numbers) => numbers.reduce((a, b) => a * b, 1);

/** The units that unit u of an axis reads of another, as runs [first, last, step], perhaps beside the map. */
function runs(relation, u) {
  if (relation.phases) {
    const turn = Math.floor(u / relation.phases.length) * relation.advance;
    const seen = relation.phases[u % relation.phases.length];
    return seen.map(([first, last, step = 1]) => [first + turn, last + turn, step]);
  }
  const first = relation.start + u * relation.s;
  return [[first, first + (relation.taps - 1) * relation.d, relation.d]];
}

/** The units that each unit of an axis reads of another, those beside the map left out. */
function table(relation) {
  relation.table ??= Array.from({ length: relation.out }, (_, u) => {
    const found = [];
    for (const [first, last, step] of runs(relation, u))
      for (let at = first < 0 ? first + Math.ceil(-first / step) * step : first; at <= last && at < relation.n; at += step) found.push(at);
    return found;
  });
  return relation.table;
}

/** The bitmap of what the units of a bitmap read. */
function backAxis(relation, bits) {
  const seen = new Uint8Array(relation.n);
  if (relation.whole) return bits.includes(1) ? seen.fill(1) : seen;
  const read = table(relation);
  for (let u = 0; u < bits.length; u++) if (bits[u]) for (const at of read[u]) seen[at] = 1;
  return seen;
}

/** The bitmap of the units that read any unit of a bitmap. */
function forthAxis(relation, bits) {
  const seeing = new Uint8Array(relation.out);
  if (relation.whole) return bits.includes(1) ? seeing.fill(1) : seeing;
  const read = table(relation);
  for (let u = 0; u < relation.out; u++) for (const at of read[u]) if (bits[at]) seeing[u] = 1;
  return seeing;
}

/** The set after one step along every axis. */
function step(set, relations, along, sizes) {
  if (set.axes) return { sizes, axes: relations.map((relation, axis) => along(relation, set.axes[axis])) };
  let { all, sizes: from } = set;
  relations.forEach((relation, axis) => {
    const [outer, inner, n, m] = [product(from.slice(0, axis)), product(from.slice(axis + 1)), from[axis], sizes[axis]];
    const next = new Uint8Array(outer * m * inner);
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < inner; i++) {
        const line = new Uint8Array(n);
        for (let at = 0; at < n; at++) line[at] = all[(o * n + at) * inner + i];
        if (line.includes(1)) along(relation, line).forEach((bit, at) => (next[(o * m + at) * inner + i] = bit));
      }
    all = next;
    from = from.with(axis, m);
  });
  return { sizes, all };
}

/** A set as one bitmap of the whole map. */
function whole(set) {
  if (set.all) return set.all;
  let bits = new Uint8Array([1]);
  for (const axis of set.axes) {
    const next = new Uint8Array(bits.length * axis.length);
    bits.forEach((bit, at) => bit && next.set(axis, at * axis.length));
    bits = next;
  }
  return bits;
}

/** The units of either set. */
function union(a, b) {
  if (!a || isEmpty(a)) return b;
  if (isEmpty(b)) return a;
  if (a.axes && b.axes) {
    const without = (some, others) => some.axes.map((bits, axis) => bits.some((bit, at) => bit && !others.axes[axis][at]));
    const [more, less] = [without(b, a), without(a, b)];
    if (!more.includes(true)) return a;
    if (!less.includes(true)) return b;
    const apart = more.map((_, axis) => more[axis] || less[axis]);
    if (apart.filter(Boolean).length === 1)
      return { sizes: a.sizes, axes: a.axes.map((bits, axis) => bits.map((bit, at) => bit | b.axes[axis][at])) };
  }
  const others = whole(b);
  return { sizes: a.sizes, all: whole(a).map((bit, at) => bit | others[at]) };
}

const isEmpty = (set) => (set.axes ? set.axes.some((bits) => !bits.includes(1)) : !set.all.includes(1));

/** The set of one unit. */
const single = (sizes, index) => ({ sizes, axes: sizes.map((n, axis) => new Uint8Array(n).fill(1, index[axis], index[axis] + 1)) });

/** How many units a set has. */
const size = (set) => (set.axes ? product(set.axes.map((bits) => bits.reduce((a, b) => a + b, 0))) : set.all.reduce((a, b) => a + b, 0));

/** The first and the last unit of a set along each axis; null for an empty set. */
function hull(set) {
  if (isEmpty(set)) return null;
  return set.sizes.map((_, axis) => {
    const bits = shadow(set, axis);
    return [bits.indexOf(1), bits.lastIndexOf(1)];
  });
}

/** The bitmap of the places along an axis at which a set has units. */
function shadow(set, axis) {
  if (set.axes) return set.axes[axis];
  const inner = product(set.sizes.slice(axis + 1));
  const bits = new Uint8Array(set.sizes[axis]);
  set.all.forEach((bit, at) => bit && (bits[Math.floor(at / inner) % bits.length] = 1));
  return bits;
}

/** What a unit of a map sees on every map before it, and the units that see it on every map behind it: a set by map.
 *
 * A map is {sizes, reads: [{at, axes: a relation for each axis}]}, and reads only maps before it. A map that is reached
 * only in ways that are not known has the reason, a text, in place of a set.
 */
function around(maps, from, index) {
  const sets = maps.map(() => null);
  sets[from] = single(maps[from].sizes, index);
  const add = (at, set, read, along) => {
    if (typeof set === "string" || typeof sets[at] === "string") sets[at] = typeof sets[at] === "string" ? sets[at] : set;
    else if (!read.axes) sets[at] = read.why;
    else sets[at] = union(sets[at], step(set, read.axes, along, maps[at].sizes));
  };
  for (let at = from; at >= 0; at--)
    if (sets[at]) for (const read of maps[at].reads) add(read.at, sets[at], read, backAxis);
  for (let at = from + 1; at < maps.length; at++)
    for (const read of maps[at].reads)
      if (read.at >= from && sets[read.at]) add(at, sets[read.at], read, forthAxis);
  return sets;
}
