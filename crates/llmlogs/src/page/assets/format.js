// Numbers and times for people, as the command prints them.

/** `1,234,567` */
export const count = (value) => (value ?? 0).toLocaleString("en");

/** `999`, `1,296`, `12.9k`, `3.4M` */
export function compact(value) {
  if (value < 10_000) return count(value);
  if (value < 1e6) return `${(value / 1e3).toFixed(1)}k`;
  if (value < 1e9) return `${(value / 1e6).toFixed(1)}M`;
  return `${(value / 1e9).toFixed(1)}G`;
}

const two = (value) => String(value).padStart(2, "0");

/** `812ms`, `2.50s`, `11.2s`, `1m02s`, `3h04m`, `2d03h` */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)}s`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.floor((ms + 500) / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${two(Math.floor((seconds % 3600) / 60))}m`;
  return `${Math.floor(seconds / 86_400)}d${two(Math.floor((seconds % 86_400) / 3600))}h`;
}

/** How long ago a time in Unix seconds is, with `…` behind it: `12.3s…` */
export const age = (seconds) => `${duration(Math.max(0, Date.now() - Math.round(seconds * 1000)))}…`;

/** `97.2%`; never 100 or 0 where it is not quite so. */
export function percent(share) {
  if (share === null || share === undefined) return "–";
  if (share <= 0 || share >= 1) return share <= 0 ? "0%" : "100%";
  return `${Math.min(99.9, Math.max(0.1, share * 100)).toFixed(1)}%`;
}

/** `0.00163 CNY`; at least three digits that mean something. */
export function amount(value, currency) {
  const size = Math.abs(value);
  let decimals = 0;
  if (size >= 10) decimals = 2;
  else if (size >= 0.1) decimals = 3;
  else if (size > 0) decimals = Math.min(10, Math.max(3, 2 - Math.floor(Math.log10(size))));
  let digits = value.toFixed(decimals);
  if (size < 10 && digits.includes(".")) digits = digits.replace(/\.?0+$/, "");
  return currency ? `${digits} ${currency}` : digits;
}

/** Amounts by currency: `1.2 USD  0.003 CNY` */
export const money = (costs) => Object.entries(costs ?? {}).map(([currency, value]) => amount(value, currency)).join("  ");

/** `10-27 04:02:10` in local time, with the year where it is another than this one; `?` if it is not known. */
export function time(seconds) {
  if (!seconds) return "?";
  const at = new Date(Math.round(seconds * 1000));
  const clock = `${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return at.getFullYear() === new Date().getFullYear() ? clock : `${String(at.getFullYear()).padStart(4, "0")}-${clock}`;
}

/** `12.3 MB`, in thousands as disks count. */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

/** `1 call`, `2 calls` */
export const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** The part of an id that mostly distinguishes it from others: `040210_001` */
export const shortId = (id) => /^call_.{9}(.+)$/.exec(id)?.[1] ?? id;
