/** The chart of round-trip times: one bar a sample, coloured by its transport, and the median as a dashed line. */

const CAPACITY = 60; // samples
const WIDTH = 300, HEIGHT = 120, LEFT = 34, TOP = 8, BOTTOM = 8; // in units of the view box
const STEP = (WIDTH - LEFT) / CAPACITY;

export class RoundTripChart {
  #samples = []; // {ms, transport}; ms is null where no answer came

  /** @param svg the <svg> to draw in, with a view box of 300 x 120 */
  constructor(svg) {
    this.svg = svg;
    this.#draw();
  }

  /** @param ms the round-trip time in milliseconds, or null when no answer came */
  add(ms, transport) {
    this.#samples = [...this.#samples, { ms, transport }].slice(-CAPACITY);
    this.#draw();
  }

  /** Return {now, median, p95} in milliseconds; null where there is nothing to tell. */
  figures() {
    const sorted = this.#samples.map(({ ms }) => ms).filter((ms) => ms !== null).sort((a, b) => a - b);
    const rank = (share) => (sorted.length ? sorted[Math.ceil(share * sorted.length) - 1] : null);
    return { now: this.#samples.at(-1)?.ms ?? null, median: rank(0.5), p95: rank(0.95) };
  }

  #draw() {
    const { now, median, p95 } = this.figures();
    // One slow answer must not flatten the other bars: what is far over the 95th percentile is cut at the top.
    const highest = Math.max(...this.#samples.map(({ ms }) => ms ?? 0), 0);
    const top = niceCeiling(Math.min(highest, 2 * (p95 ?? 0)) || 1);
    const y = (ms) => HEIGHT - BOTTOM - (Math.min(ms, top) / top) * (HEIGHT - TOP - BOTTOM);
    const parts = [];
    for (const tick of [0, top / 2, top]) {
      parts.push(shape("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y(tick), y2: y(tick) }));
      const label = tick === 0 ? "0" : `${format(tick)} ms`;
      parts.push(shape("text", { x: LEFT - 6, y: y(tick) + 3.5, "text-anchor": "end" }, label));
    }
    this.#samples.forEach(({ ms, transport }, index) => {
      const x = WIDTH - (this.#samples.length - index) * STEP + 0.6;
      const height = ms === null ? 5 : Math.max(HEIGHT - BOTTOM - y(ms), 1.5);
      const kind = ms === null ? "lost" : transport;
      const bar = shape("rect", { class: kind, x, y: HEIGHT - BOTTOM - height, width: STEP - 1.2, height, rx: 1 });
      bar.append(shape("title", {}, ms === null ? "no answer" : `${format(ms)} ms, ${transport}`));
      parts.push(bar);
    });
    if (median !== null) {
      parts.push(shape("line", { class: "median", x1: LEFT, x2: WIDTH, y1: y(median), y2: y(median) }));
    }
    this.svg.replaceChildren(...parts);
    this.svg.dataset.samples = this.#samples.filter(({ ms }) => ms !== null).length;
    if (median !== null) {
      const last = now === null ? "no answer" : `${format(now)} ms`;
      const label = `Round-trip time: now ${last}, median ${format(median)} ms, 95th percentile ${format(p95)} ms`;
      this.svg.setAttribute("aria-label", label);
    }
  }
}

/** Milliseconds with as many digits as one can read at a glance. */
export function format(ms) {
  return ms >= 100 ? ms.toFixed(0) : Number(ms.toPrecision(2)).toString();
}

function shape(name, attributes, text = null) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== null) node.textContent = text;
  return node;
}

/** The next of 1, 2, 3, 4, 6, 8, 10, 20, … (and their tenths) that is not below `value`. */
function niceCeiling(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return unit * [1, 2, 3, 4, 6, 8, 10].find((factor) => factor * unit >= value);
}
