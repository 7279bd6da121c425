import type { Figure } from './support/measure';

const HEADINGS = ['figure', 'median', 'middle half', 'made from'];

/** The figures for people, as Markdown. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, summary: { median, low, high }, digits, unit, from }) => [
    what,
    `${median.toFixed(digits)}${unit === undefined ? '' : ` ${unit}`}`,
    `${low.toFixed(digits)} to ${high.toFixed(digits)}`,
    from,
  ]);
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(HEADINGS), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
