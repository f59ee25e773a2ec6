/**
 * Figures as text for Prometheus (exposition format 0.0.4): families of samples, each family in one piece with its HELP
 * and TYPE before it. Pure.
 */
import { assert } from '../../src-shared/assert.ts';

export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export type Sample = {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
  /** Of a summary. */
  readonly suffix?: '_sum' | '_count';
};

export type Family = {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'summary';
  readonly samples: readonly Sample[];
};

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Families without samples are left out. */
export function prometheusText(families: readonly Family[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(familyText)
    .join('');
}

function familyText({ name, help, type, samples }: Family): string {
  assert(METRIC_NAME.test(name), `${name} is no name of a metric`);
  const lines = [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`];
  for (const { labels = {}, value, suffix = '' } of samples)
    lines.push(`${name}${suffix}${labelsText(labels)} ${numberText(value)}`);
  return `${lines.join('\n')}\n`;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const texts = Object.entries(labels).map(([name, value]) => {
    assert(LABEL_NAME.test(name), `${name} is no name of a label`);
    return `${name}="${escaped(value).replaceAll('"', '\\"')}"`;
  });
  return texts.length === 0 ? '' : `{${texts.join(',')}}`;
}

/** The backslash first: the others bring some of their own. What is no text in UTF-8 could not be sent. */
function escaped(text: string): string {
  return text.toWellFormed().replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}
