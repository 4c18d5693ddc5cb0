// Prometheus's text format, and what is read from two readings of it.

// → Map of `name{labels}` to value.
export function parse(text) {
  const found = new Map();
  for (const line of text.split('\n')) {
    const at = line.lastIndexOf(' ');
    if (at > 0 && !line.startsWith('#')) {
      found.set(line.slice(0, at), Number(line.slice(at + 1)));
    }
  }
  return found;
}

// The sum of a metric over all of its labels that `accepts` takes.
export function sum(sample, name, accepts = () => true) {
  let total = 0;
  for (const [key, value] of sample) {
    if ((key === name || key.startsWith(`${name}{`)) && accepts(key)) {
      total += value;
    }
  }
  return total;
}

// [[upper bound in seconds, how many more at or below it than before]], all addresses together.
export function buckets(before, now) {
  const bounds = new Map();
  for (const [key, value] of now) {
    const match = /^gateway_request_seconds_bucket\{.*le="([^"]+)"/.exec(key);
    if (match) {
      const bound = match[1] === '+Inf' ? Infinity : Number(match[1]);
      bounds.set(bound, (bounds.get(bound) || 0) + value - (before.get(key) || 0));
    }
  }
  return [...bounds].sort((a, b) => a[0] - b[0]);
}

// Seconds, by the line between two bounds, as Prometheus's histogram_quantile has it; NaN where nothing came.
export function quantile(share, counted) {
  const total = counted.length ? counted[counted.length - 1][1] : 0;
  let below = 0;
  let seen = 0;
  for (const [bound, count] of counted) {
    if (total && count >= share * total) {
      return bound === Infinity ? below : below + (bound - below) * (share * total - seen) / Math.max(count - seen, 1e-9);
    }
    below = bound;
    seen = count;
  }
  return NaN;
}
