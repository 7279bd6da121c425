import { register } from 'prom-client';

export type Labels = Readonly<Record<string, string>>;

/** A value as Prometheus gets it; undefined if it is not there. Of a histogram the number of observations, or with `suffix` its sum or a bucket. */
export async function scraped(name: string, labels: Labels = {}): Promise<number | undefined> {
  return valueIn(await register.metrics(), name, labels);
}

/** The same, of a page that was read. */
export function valueIn(page: string, name: string, labels: Labels = {}): number | undefined {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const line = page
    .split('\n')
    .find(
      (text) => (text.startsWith(`${name}{`) || text.startsWith(`${name} `)) && wanted.every((w) => text.includes(w)),
    );
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
}
