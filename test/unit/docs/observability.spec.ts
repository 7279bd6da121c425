import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { metricDefinitions, type MetricDefinition } from '../../../lib/observe/metrics/metric-definitions';
import { optionRules } from '../../../lib/config/option-rules';

const root = join(__dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}
interface RuleTest {
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
}
interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly panels?: readonly Panel[];
}

const definitions: readonly MetricDefinition[] = Object.values(metricDefinitions);
const { groups } = parse(read('observability/prometheus-rules.yml')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const { tests } = parse(read('observability/prometheus-rules.test.yml')) as { tests: RuleTest[] };
const dashboard = JSON.parse(read('observability/grafana-dashboard.json')) as { panels: Panel[] };
const panels = (from: readonly Panel[]): Panel[] => from.flatMap((panel) => [panel, ...panels(panel.panels ?? [])]);
const targets = panels(dashboard.panels).flatMap((panel) => panel.targets ?? []);
const operations = read('docs/operations.md');

/** What a series of a metric may be named. */
const namesOf = ({ name, type }: MetricDefinition): string[] =>
  type === 'Histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
const metricOf = (series: string): MetricDefinition | undefined =>
  definitions.find((definition) => namesOf(definition).includes(series));
/** Labels that Prometheus gives by itself, and that of a bucket. */
const OF_ALL = ['service', 'instance', 'le'];

const expressions = [
  ...rules.map(({ alert, expr }) => ({ what: `the alert ${alert}`, expr })),
  ...targets.map(({ expr }) => ({ what: 'the dashboard', expr })),
];

describe('The alert rules and the dashboard', () => {
  it.each(expressions)('ask, in $what, for metrics that exist, by labels that they have: $expr', ({ expr }) => {
    const series = expr.match(/\boutbox_\w+/g) ?? [];
    expect(series.filter((name) => metricOf(name) === undefined)).toEqual([]);
    const grouped = [...expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, labels]) => labels?.split(/,\s*/) ?? []);
    const filtered = [...expr.matchAll(/[{,]\s*(\w+)\s*(?:=|!=|=~|!~)"/g)].map(([, label]) => label ?? '');
    const known: string[] = [...OF_ALL, ...series.flatMap((name) => metricOf(name)?.labels ?? [])];
    expect([...grouped, ...filtered].filter((label) => !known.includes(label))).toEqual([]);
  });

  it('take rates and increases of counters and histograms, and of nothing else', () => {
    for (const { expr } of expressions) {
      const rated = [...expr.matchAll(/(?:rate|increase)\((outbox_\w+)/g)].map(([, name]) => name ?? '');
      const all: string[] = expr.match(/\boutbox_\w+/g) ?? [];
      const rising = all.filter((name) => metricOf(name)?.type !== 'Gauge');
      expect({ expr, rated }).toEqual({ expr, rated: rising });
    }
  });

  it('show each metric on the dashboard', () => {
    const shown = targets.flatMap(({ expr }) => expr.match(/\boutbox_\w+/g) ?? []).map((name) => metricOf(name)?.name);
    expect(definitions.map(({ name }) => name).filter((name) => !shown.includes(name))).toEqual([]);
  });

  it('test each alert firing and not firing', () => {
    const cases = tests.flatMap((test) => test.alert_rule_test);
    for (const { alert } of rules) {
      const own = cases.filter(({ alertname }) => alertname === alert);
      expect({ alert, fires: own.some(({ exp_alerts: expected }) => expected.length > 0) }).toEqual({
        alert,
        fires: true,
      });
      expect({ alert, isSilent: own.some(({ exp_alerts: expected }) => expected.length === 0) }).toEqual({
        alert,
        isSilent: true,
      });
    }
  });
});

describe('The page about operations', () => {
  it('lists the metrics with their labels and kinds', () => {
    const table = /<!-- metrics:begin[^>]*-->\s*([^]*?)\s*<!-- metrics:end -->/.exec(operations)?.[1] ?? '';
    const rows = table
      .split('\n')
      .slice(2)
      .map((line) => line.split('|').map((cell) => cell.trim()));
    const listed = rows.map(([, name, labels, kind]) => `${name ?? ''} ${labels ?? ''} ${kind?.split(',')[0] ?? ''}`);
    const expected = definitions.map(
      ({ name, labels, type }) =>
        `\`${name}\` ${labels.map((label) => `\`${label}\``).join(', ')} ${type.toLowerCase()}`,
    );
    expect(listed.sort()).toEqual(expected.sort());
  });

  it('has a paragraph for each alert, where its runbook_url points, and for no other', () => {
    const section = /^## Alerts$([^]*?)^## /m.exec(operations)?.[1] ?? '';
    const headings = [...section.matchAll(/^### (\w+)\n\n\w+/gm)].map(([, name]) => name ?? '');
    expect(headings.sort()).toEqual(rules.map(({ alert }) => alert).sort());
    for (const { alert, annotations } of rules) {
      expect(annotations.runbook_url).toBe(`docs/operations.md#${alert.toLowerCase()}`);
    }
  });

  it('explains each reason of silence, by its label', () => {
    const reasons = /type SilenceReason =([^;]*);/.exec(read('lib/interfaces/outbox-activity.ts'))?.[1] ?? '';
    const known = [...reasons.matchAll(/'(\w+)'/g)].map(([, reason]) => reason);
    const section = /^## Silence$([^]*?)^## /m.exec(operations)?.[1] ?? '';
    expect([...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, reason]) => reason).sort()).toEqual(known.sort());
    expect(section).toContain(`\`silenceSeconds\` (${String(optionRules.silenceSeconds.default)};`);
  });
});
