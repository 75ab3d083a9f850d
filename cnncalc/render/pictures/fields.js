// Sets of units, carried from map to map by the relations that `cnncalc rf --json` prints as `fields.reads`.
//
// A map has a size for each axis. A set of its units is {sizes, axes}, the product of a bitmap for each axis, or, where
// branches meet that are not such a product, {sizes, all}, one bitmap of the whole map.

const product = (numbers) => numbers.reduce((a, b) => a * b, 1);
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

/** The units that number u of an axis reads of another, in order, those beside the map left out. */
function readBy({ phases, advance, step, edge, n }, u) {
  const span = phases[u % phases.length];
  if (span === null) return [];
  const moved = Math.floor(u / phases.length) * advance;
  const found = [];
  for (let at = span[0] + moved; at <= span[1] + moved; at += step) {
    const unit = edge ? Math.min(Math.max(at, 0), n - 1) : at;
    if (unit >= 0 && unit < n && unit !== found.at(-1)) found.push(unit);
  }
  return found;
}

/** What each number of an axis reads, worked out once. */
function table(axis) {
  const numbers = 1 + sum(axis.digits.map(({ size, step }) => (size - 1) * step));
  axis.table ??= Array.from({ length: numbers }, (_, u) => readBy(axis, u));
  return axis.table;
}

/** The number of a unit on an axis that it reads: the sum of digits of its places. */
const numberOf = (axis, index) => sum(axis.digits.map(({ place, inner, size, step }) => (Math.floor(index[place] / inner) % size) * step));

/** The place whose number an axis goes by, -1 for none; undefined if it goes by several, or by a digit of one. */
function placeOf({ digits }, sizes) {
  if (digits.length === 0) return -1;
  const [{ place, inner, size, step }] = digits;
  return digits.length === 1 && inner === 1 && step === 1 && size === sizes[place] ? place : undefined;
}

/** The set of all that the units of a set read; `sizes` are those of the map that is read. */
function back(axes, set, sizes) {
  const places = axes.map((axis) => placeOf(axis, set.sizes));
  if (!set.axes || places.includes(undefined)) return backByUnit(axes, set, sizes);
  if (isEmpty(set)) return none(sizes);
  const seen = axes.map((axis, at) => {
    const bits = new Uint8Array(axis.n);
    const read = table(axis);
    if (places[at] < 0) for (const one of read[0]) bits[one] = 1;
    else set.axes[places[at]].forEach((bit, u) => { if (bit) for (const one of read[u]) bits[one] = 1; });
    return bits;
  });
  return { sizes, axes: seen };
}

function backByUnit(axes, set, sizes) {
  const all = new Uint8Array(product(sizes));
  const done = new Set();
  for (const index of units(set)) {
    const numbers = axes.map((axis) => numberOf(axis, index));
    if (done.has(String(numbers))) continue;
    done.add(String(numbers));
    eachOf(axes.map((axis, at) => table(axis)[numbers[at]]), sizes, (at) => void (all[at] = 1));
  }
  return simplest({ sizes, all });
}

/** The set of all units that read any unit of a set; `sizes` are those of the map that reads. */
function forth(axes, set, sizes) {
  const places = axes.map((axis) => placeOf(axis, sizes));
  if (!set.axes || places.includes(undefined)) return forthByUnit(axes, set, sizes);
  const seeing = sizes.map((n) => new Uint8Array(n).fill(1));
  let some = true;
  axes.forEach((axis, at) => {
    const meets = table(axis).map((read) => read.some((one) => set.axes[at][one]));
    if (places[at] < 0) some &&= meets[0];
    else seeing[places[at]].forEach((bit, u, bits) => (bits[u] = bit & meets[u]));
  });
  return some ? { sizes, axes: seeing } : none(sizes);
}

function forthByUnit(axes, set, sizes) {
  const bits = whole(set);
  const all = new Uint8Array(product(sizes));
  const known = new Map();
  let at = 0;
  for (const index of units({ sizes, axes: sizes.map((n) => new Uint8Array(n).fill(1)) })) {
    const numbers = axes.map((axis) => numberOf(axis, index));
    const key = String(numbers);
    if (!known.has(key)) known.set(key, eachOf(axes.map((axis, one) => table(axis)[numbers[one]]), set.sizes, (unit) => bits[unit]));
    all[at++] = known.get(key) ? 1 : 0;
  }
  return simplest({ sizes, all });
}

/** Call a function with the place of each unit of a product of lists in a map's bitmap; true as soon as it says so. */
function eachOf(lists, sizes, visit, axis = 0, before = 0) {
  if (axis === lists.length) return Boolean(visit(before));
  for (const one of lists[axis]) if (eachOf(lists, sizes, visit, axis + 1, before * sizes[axis] + one)) return true;
  return false;
}

/** The units of a set, each as its index, in order. */
function* units(set, index = []) {
  const axis = index.length;
  if (axis === set.sizes.length) {
    if (set.axes || set.all[index.reduce((at, one, along) => at * set.sizes[along] + one, 0)]) yield index;
    return;
  }
  for (let at = 0; at < set.sizes[axis]; at++) if (!set.axes || set.axes[axis][at]) yield* units(set, [...index, at]);
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

/** The same set as a product, if it is one. */
function simplest(set) {
  const axes = set.sizes.map((_, axis) => shadow(set, axis));
  return product(axes.map(sum)) === size(set) ? { sizes: set.sizes, axes } : set;
}

/** The units of either set. */
function union(a, b) {
  if (!a || isEmpty(a)) return b;
  if (isEmpty(b)) return a;
  if (a.axes && b.axes) {
    const without = (some, others) => some.axes.map((bits, axis) => bits.some((bit, at) => bit && !others.axes[axis][at]));
    if (!without(b, a).includes(true)) return a;
    if (!without(a, b).includes(true)) return b;
  }
  const others = whole(b);
  return simplest({ sizes: a.sizes, all: whole(a).map((bit, at) => bit | others[at]) });
}

const isEmpty = (set) => (set.axes ? set.axes.some((bits) => !bits.includes(1)) : !set.all.includes(1));

/** The set of one unit, and the set without any. */
const single = (sizes, index) => ({ sizes, axes: sizes.map((n, axis) => new Uint8Array(n).fill(1, index[axis], index[axis] + 1)) });
const none = (sizes) => ({ sizes, all: new Uint8Array(product(sizes)) });

/** How many units a set has. */
const size = (set) => (set.axes ? product(set.axes.map(sum)) : sum(set.all));

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
 * A map is {sizes, reads: [{at, axes: a relation for each axis of the map `at`}]}, and reads only maps before it. Where
 * it is not known what is read, `why` says so in place of the axes, and a map that is reached that way has this text in
 * place of a set. A map that is not reached has null.
 */
function around(maps, from, index) {
  const sets = maps.map(() => null);
  sets[from] = single(maps[from].sizes, index);
  const add = (at, set, read, along) => {
    if (typeof sets[at] === "string") return;
    if (typeof set === "string") sets[at] = set;
    else sets[at] = read.axes ? union(sets[at], along(read.axes, set, maps[at].sizes)) : read.why;
  };
  for (let at = from; at >= 0; at--)
    if (sets[at]) for (const read of maps[at].reads) add(read.at, sets[at], read, back);
  for (let at = from + 1; at < maps.length; at++)
    for (const read of maps[at].reads) if (read.at >= from && sets[read.at]) add(at, sets[read.at], read, forth);
  return sets;
}
