import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { optionRules, retentionRules } from '../../../lib/config/option-rules';

describe('The table of options in the README', () => {
  it('says what the code does', () => {
    const readme = readFileSync(join(__dirname, '../../../README.md'), 'utf8');
    const table = /<!-- options:begin[^>]*-->\s*([^]*?)\s*<!-- options:end -->/.exec(readme)?.[1];
    const nested = Object.entries(retentionRules).map(([name, rule]) => [`retention.${name}`, rule] as const);
    const rows = [...Object.entries(optionRules), ...nested].map(
      ([name, rule]) => `| \`${name}\` | \`${String(rule.default)}\` | ${rule.allowed} |`,
    );
    expect(table).toBe(['| option | default | allowed |', '| --- | --- | --- |', ...rows].join('\n'));
  });

  it('has the defaults that the types document', () => {
    const types = readFileSync(join(__dirname, '../../../lib/config/outbox-options.ts'), 'utf8');
    for (const [name, rule] of Object.entries({ ...optionRules, ...retentionRules })) {
      const comment = new RegExp(`/\\*\\*(?:(?!\\*/)[^])*\\*/\\s*(?:readonly )?${name}\\??:`).exec(types)?.[0] ?? '';
      expect(comment).toContain(`Default: \`${String(rule.default)}\``);
    }
  });
});
