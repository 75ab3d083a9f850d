// Sets of units, carried from map to map by the relations that `cnncalc rf --json` prints as `fields.reads`.
//
// A map has a size for each axis, channels included; units have their place on some of them, its `places`. The units of
// an axis are a bitmap. A region is a list of products, each a bitmap for every axis of the map: all their units.

const prod = (numbers) => numbers.reduce((a, b) => a * b, 1);
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const full = (n) => (FULL[n] ??= new Uint8Array(n).fill(1));
const FULL = []; // bitmaps are never changed once they are made, so that these are shared
const bitmap = (n, units) => {
  const bits = new Uint8Array(n);
  for (const at of units) bits[at] = 1;
  return bits;
};
const MOST_PRODUCTS = 24; // of more than so many, equal rows are put together

// ------------------------------------------------------------------------------------------------------------ regions

/** The region of these products, without those that are empty or lie within another. */
function union(products) {
  let kept = [];
  const within = (one, other) => one.every((bits, axis) => lies(bits, other[axis]));
  for (const one of products) {
    if (one.some((bits) => !bits.includes(1)) || kept.some((other) => within(one, other))) continue;
    kept = kept.filter((other) => !within(other, one));
    kept.push(one);
  }
  return kept.length > MOST_PRODUCTS ? inRows(kept) : kept;
}

/** Whether the units of an axis are all among others. */
function lies(bits, others) {
  if (bits === others) return true;
  for (let at = 0; at < bits.length; at++) if (bits[at] > others[at]) return false;
  return true;
}

/** The same units in products that do not overlap: rows with the same units together. */
function inRows(products) {
  if (products.length <= 1 || products[0].length === 0) return products.slice(0, 1);
  const either = products[0][0].map((_, row) => Number(products.some(([bits]) => bits[row])));
  if (products[0].length === 1) return [[either]];
  const rows = new Map();
  either.forEach((bit, row) => {
    const here = products.flatMap(([bits], at) => (bits[row] ? [at] : []));
    if (!bit) return;
    if (!rows.has(String(here))) rows.set(String(here), [new Uint8Array(either.length), inRows(products.filter((_, at) => here.includes(at)).map((one) => one.slice(1)))]);
    rows.get(String(here))[0][row] = 1;
  });
  return [...rows.values()].flatMap(([bits, inner]) => inner.map((one) => [bits, ...one]));
}

/** How many units a region has. */
const count = (region) => sum(inRows(region).map((one) => prod(one.map(sum))));

/** The first and the last unit of a region along each axis; null for an empty one. */
function hull(region) {
  if (region.length === 0) return null;
  return region[0].map((_, axis) => {
    return [Math.min(...region.map((one) => one[axis].indexOf(1))), Math.max(...region.map((one) => one[axis].lastIndexOf(1)))];
  });
}

/** The place on the axes before the last two at which a region is nearest to its middle: holes may lie in that itself. */
function middle(region) {
  const wanted = hull(region).slice(0, -2).map(([first, last]) => (first + last) >> 1);
  const nearest = (bits, at) => {
    for (let apart = 0; ; apart++) for (const one of [at - apart, at + apart]) if (bits[one]) return one;
  };
  const places = region.map((one) => wanted.map((at, axis) => nearest(one[axis], at)));
  const apart = places.map((place) => sum(place.map((at, axis) => Math.abs(at - wanted[axis]))));
  return places[apart.indexOf(Math.min(...apart))];
}

// ---------------------------------------------------------------------------------------------------------- relations

/** What number u of an axis reads: from the first to the last of a phase, every step-th; null for nothing. */
function span({ phases, advance }, u) {
  const turn = Math.floor(u / phases.length);
  const read = phases[u - turn * phases.length];
  return read && [read[0] + turn * advance, read[1] + turn * advance];
}

/** Call a function with each unit that number u reads, without those beside the map, until it returns true. */
function someRead(axis, u, visit) {
  const read = span(axis, u);
  if (!read) return false;
  const { n, step, edge } = axis;
  const [first, last] = read;
  if (edge && ((first < 0 && visit(0)) || (last >= n && visit(n - 1)))) return true;
  for (let at = first < 0 ? first + Math.ceil(-first / step) * step : first; at <= last && at < n; at += step) if (visit(at)) return true;
  return false;
}

/** How many numbers the digits of an axis make. */
const numbers = (axis) => 1 + sum(axis.digits.map(([, , size, step]) => (size - 1) * step));
const isItself = ({ phases, advance }) => phases.length === 1 && String(phases[0]) === "0,0" && advance === 1;

/** The units that a set of numbers reads. */
function backAxis(axis, bits) {
  if (isItself(axis) && bits.length === axis.n) return bits;
  const seen = new Uint8Array(axis.n);
  for (let u = bits.indexOf(1); u !== -1; u = bits.indexOf(1, u + 1)) someRead(axis, u, (at) => void (seen[at] = 1));
  return seen;
}

/** The numbers that read a unit of a set. */
function forthAxis(axis, bits) {
  const seeing = new Uint8Array(numbers(axis));
  if (isItself(axis) && bits.length === seeing.length) return bits;
  for (let u = 0; u < seeing.length; u++) if (someRead(axis, u, (at) => bits[at] === 1)) seeing[u] = 1;
  return seeing;
}

/** All that the units of a region read of a map with these sizes; of an axis that is not followed, all. */
function back({ axes }, region, sizes) {
  const products = [];
  for (const one of region)
    for (const sets of digitsOf(axes, one))
      products.push(axes.map((axis, at) => (axis ? backAxis(axis, sums(axis, sets)) : full(sizes[at]))));
  return union(products);
}

/** All units of a map with these sizes that read a unit of a region. */
function forth({ axes }, region, sizes) {
  const products = [];
  for (const one of region) {
    const choices = axes.flatMap((axis, at) => (axis ? [unsum(forthAxis(axis, one[at]), [...axis.digits].sort((a, b) => b[3] - a[3]))] : []));
    for (const chosen of combinations(choices)) {
      const sets = new Map(chosen.flatMap((some) => [...some]));
      products.push(sizes.map((n, place) => joined(n, place, sets)));
    }
  }
  return union(products);
}

// A number on an axis that is read is the sum of digits, each [place, inner, size, step]: of the unit u at that place the
// digit is floor(u / inner) % size, and counts `step`. Sets of digits are maps from a digit to a bitmap of its values.

/** The sets of digits of the units of a product, as a list of which each is a product. */
function digitsOf(axes, one) {
  const places = new Map();
  for (const digit of axes.flatMap((axis) => axis?.digits ?? [])) places.set(digit[0], [...(places.get(digit[0]) ?? []), digit]);
  const choices = [...places].map(([place, digits]) => split(one[place], [...digits].sort((a, b) => b[1] - a[1])));
  return combinations(choices).map((chosen) => new Map(chosen.flatMap((some) => [...some])));
}

/** A set of units of one place as sets of its digits, the outermost first. */
function split(bits, [digit, ...rest]) {
  if (digit === undefined) return bits.includes(1) ? [new Map()] : [];
  const [, inner, size] = digit;
  if (inner === 1 && bits.length === size) return bits.includes(1) ? [new Map([[digit, bits]])] : [];
  if (!bits.includes(0)) return [new Map([digit, ...rest].map((one) => [one, full(one[2])]))];
  const rows = new Map();
  bits.forEach((bit, at) => {
    if (!bit) return;
    const value = Math.floor(at / inner) % size;
    rows.set(value, rows.get(value) ?? new Uint8Array(inner));
    rows.get(value)[at % inner] = 1;
  });
  return together(rows, size).flatMap(([values, own]) => split(own, rest).map((others) => new Map([[digit, values], ...others])));
}

/** The numbers that sets of digits make. */
function sums(axis, sets) {
  if (axis.digits.length === 1 && axis.digits[0][3] === 1) return sets.get(axis.digits[0]);
  let made = [0];
  for (const digit of axis.digits) made = made.flatMap((number) => [...sets.get(digit)].flatMap((bit, value) => (bit ? [number + value * digit[3]] : [])));
  return bitmap(numbers(axis), made);
}

/** The sets of digits whose sums are in a set of numbers, the digits of the largest steps first. */
function unsum(bits, [digit, ...rest]) {
  if (digit === undefined) return bits[0] ? [new Map()] : [];
  const [, , size, step] = digit;
  if (!rest.length && step === 1 && bits.length === size) return bits.includes(1) ? [new Map([[digit, bits]])] : [];
  const below = 1 + sum(rest.map((one) => (one[2] - 1) * one[3]));
  const rows = new Map();
  for (let value = 0; value < size; value++) {
    const own = bits.slice(value * step, value * step + below);
    if (own.includes(1)) rows.set(value, own);
  }
  return together(rows, size).flatMap(([values, own]) => unsum(own, rest).map((others) => new Map([[digit, values], ...others])));
}

/** Rows by their value as pairs: the values with the same row, and that row. */
function together(rows, size) {
  const pairs = new Map();
  for (const [value, row] of rows) {
    if (!pairs.has(String(row))) pairs.set(String(row), [new Uint8Array(size), row]);
    pairs.get(String(row))[0][value] = 1;
  }
  return [...pairs.values()];
}

/** The units of an axis whose digits are in these sets. */
function joined(n, place, sets) {
  const digits = [...sets].filter(([digit]) => digit[0] === place);
  if (digits.length === 0) return full(n);
  if (digits.length === 1 && digits[0][1].length === n) return digits[0][1];
  return Uint8Array.from({ length: n }, (_, u) => Number(digits.every(([[, inner, size], bits]) => bits[Math.floor(u / inner) % size])));
}

/** Every way to take one of each list. */
const combinations = (lists) => lists.reduce((ways, list) => ways.flatMap((way) => list.map((one) => [...way, one])), [[]]);

// --------------------------------------------------------------------------------------------------------- whole maps

/** The place of a unit, on all channels, as a region. */
const unitOf = (map, index) => [map.all.map((n, axis) => (map.places.includes(axis) ? bitmap(n, [index[map.places.indexOf(axis)]]) : full(n)))];

/** A region on the axes on which units have their place. */
const placesOf = (map, region) => union(region.map((one) => map.places.map((axis) => one[axis])));

/** What a unit of a map sees on every map before it, and the units that see it on every map after it.
 *
 * A map is {name, all: its sizes, places, reads: [{at, axes, bound, unknown}]}, and reads only maps before it. There are,
 * by map: `regions` of places, null where no way leads to it, and a text, the reason, where it is not known what is seen;
 * `bounds`, the reason why less may be seen than that, null where it is exact; and `used`, what is read on the way back.
 */
function around(maps, from, index) {
  const possible = maps.map(() => null);
  const certain = maps.map(() => []);
  const used = new Set();
  let bound = null;
  possible[from] = certain[from] = unitOf(maps[from], index);
  const add = (at, by, read, along) => {
    if (typeof possible[at] === "string") return;
    if (typeof possible[by] === "string" || !read.axes) return void (possible[at] = read.axes ? possible[by] : read.unknown);
    const seen = along(read, possible[by], maps[at].all);
    if (seen.length && along === back) used.add(read);
    if (read.bound && along === back) bound ??= read.bound;
    const sure = read.bound ? [] : certain[by] === possible[by] ? seen : along(read, certain[by], maps[at].all);
    const [all, is_exact] = [[...(possible[at] ?? []), ...seen], (possible[at] === null || certain[at] === possible[at]) && sure === seen];
    const others = certain[at];
    possible[at] = union(all);
    certain[at] = is_exact ? possible[at] : union([...others, ...sure]);
  };
  for (let at = from; at >= 0; at--) if (possible[at]) for (const read of maps[at].reads) add(read.at, at, read, back);
  for (let at = from + 1; at < maps.length; at++)
    for (const read of maps[at].reads) if (read.at >= from && possible[read.at]) add(at, read.at, read, forth);
  const regions = possible.map((region, at) => (Array.isArray(region) ? placesOf(maps[at], region) : region));
  const bounds = regions.map((region, at) => {
    if (at > from || !Array.isArray(region) || certain[at] === possible[at]) return null;
    return count(placesOf(maps[at], certain[at])) < count(region) ? bound : null;
  });
  return { regions, bounds, used };
}

/** How often each place of a map is read by the units that are seen of the maps between it and another, as a sum.
 *
 * A term is a list of numbers for each axis of places, and a place has the product of its axes' numbers. null if that is
 * not known, or not a matter of one axis at a time.
 */
function overlap(maps, at, from, regions) {
  const found = [];
  for (let by = at + 1; by <= from; by++)
    for (const read of Array.isArray(regions[by]) ? maps[by].reads.filter((one) => one.at === at) : []) {
      if (!read.axes) return null;
      for (const one of inRows(regions[by])) {
        const numbers = maps[at].places.map((axis) => timesOn(read.axes, axis, maps[at].places, maps[by], one));
        if (numbers.includes(null)) return null;
        found.push(numbers);
      }
    }
  return found;
}

/** How often each place of an axis is read by a product of units; null if that depends on more than one axis. */
function timesOn(axes, axis, places, map, one) {
  const own = axes[axis];
  const along = new Set(own?.digits.map(([place]) => place));
  const others = places.flatMap((other) => (other === axis ? [] : (axes[other]?.digits ?? []).map(([place]) => place)));
  if (!own || along.size > 1 || others.some((place) => along.has(place))) return null;
  const [place] = along;
  const units = place === undefined ? full(1) : (one[map.places.indexOf(place)] ?? full(map.all[place]));
  const times = new Uint32Array(own.n);
  const last = new Int32Array(own.n).fill(-1);
  for (let u = units.indexOf(1); u !== -1; u = units.indexOf(1, u + 1)) {
    const number = sum(own.digits.map(([, inner, size, step]) => (Math.floor(u / inner) % size) * step));
    someRead(own, number, (n) => {
      if (last[n] !== u) times[n]++;
      last[n] = u;
    });
  }
  return times;
}

/** The box of a unit on every map of which it sees some unit: the first and last on each place, on maps without ends.
 *
 * Where that is not known, it is that of the units that it sees.
 */
function boxes(maps, from, index, { regions, used }) {
  const found = maps.map(() => null);
  found[from] = index.map((at) => [at, at]);
  for (let at = from; at >= 0; at--)
    for (const read of found[at] ? maps[at].reads.filter((one) => used.has(one)) : []) {
      const own = read.axes && maps[read.at].places.map((axis) => boxOn(read.axes[axis], maps[at], found[at]));
      if (!own || own.includes(null)) continue;
      found[read.at] = own.map(([first, last], axis) => {
        const [low, high] = found[read.at]?.[axis] ?? [first, last];
        return [Math.min(low, first), Math.max(high, last)];
      });
    }
  return found.map((box, at) => (regions[at]?.length && Array.isArray(regions[at]) ? box ?? hull(regions[at]) : null));
}

/** The first and last unit that those of a box read on one axis. */
function boxOn(axis, map, box) {
  let [low, high] = [0, 0];
  for (const [place, inner, size, step] of axis.digits) {
    const all = map.all[place];
    const [first, last] = (box[map.places.indexOf(place)] ?? [0, all - 1]).map((at) => Math.floor(at / inner));
    if (inner * size === all) [low, high] = [low + first * step, high + last * step];
    else if (Math.floor(first / size) === Math.floor(last / size)) [low, high] = [low + (first % size) * step, high + (last % size) * step];
    else high += (size - 1) * step;
  }
  if (axis.endless === null) {
    const own = Uint8Array.from({ length: high + 1 }, (_, u) => Number(u >= low));
    const seen = backAxis(axis, own);
    return seen.includes(1) ? hull([[seen]])[0] : null;
  }
  let seen = null;
  for (let u = low; u <= high; u++) {
    const read = span(axis.endless ?? axis, u);
    if (read) seen = seen ? [Math.min(seen[0], read[0]), Math.max(seen[1], read[1])] : read;
  }
  return seen;
}
