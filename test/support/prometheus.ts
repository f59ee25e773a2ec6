/**
 * Reads the text that a scraper gets by the rules of the exposition format 0.0.4, and by nothing of ours: one piece a
 * family, HELP and TYPE before its samples, names of their alphabet, values in quotes with three escapes and no other, each
 * name with its labels once.
 */
export type ReadSample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]Inf|[-+]?[0-9.]+(?:e[-+]?[0-9]+)?)$/s;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/;

/** Throws where a rule is broken. */
export function readPrometheus(text: string): readonly ReadSample[] {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const seenFamilies = new Set<string>();
  const seenSamples = new Set<string>();
  const samples: ReadSample[] = [];
  let family = { name: '', type: '' };
  let helpFor = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP (\S+) ((?:[^\\]|\\[\\n])*)$/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    if (help?.[1] !== undefined) {
      helpFor = help[1];
    } else if (type?.[1] !== undefined && type[2] !== undefined) {
      if (type[1] !== helpFor) throw new Error(`no HELP before ${line}`);
      if (seenFamilies.has(type[1])) throw new Error(`a family in two pieces: ${line}`);
      seenFamilies.add(type[1]);
      family = { name: type[1], type: type[2] };
    } else {
      const sample = readSample(line);
      const base = family.type === 'summary' ? sample.name.replace(/_(?:sum|count)$/, '') : sample.name;
      if (base !== family.name) throw new Error(`not of the family ${family.name}: ${line}`);
      if (family.type === 'counter' && !sample.name.endsWith('_total'))
        throw new Error(`a counter without _total: ${line}`);
      if (family.type === 'counter' && !(sample.value >= 0)) throw new Error(`a counter below nothing: ${line}`);
      const key = JSON.stringify([sample.name, Object.entries(sample.labels).toSorted()]);
      if (seenSamples.has(key)) throw new Error(`twice: ${line}`);
      seenSamples.add(key);
      samples.push(sample);
    }
  }
  return samples;
}

function readSample(line: string): ReadSample {
  const [, name, labelText = '', value] = LINE.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  for (let rest = labelText; rest !== '';) {
    const [all, label, escaped] = LABEL.exec(rest) ?? [];
    if (all === undefined || label === undefined || escaped === undefined) throw new Error(`no label: ${rest}`);
    labels[label] = escaped.replaceAll(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
    rest = rest.slice(all.length);
  }
  return { name, labels, value: value.endsWith('Inf') ? Number(value.replace('Inf', 'Infinity')) : Number(value) };
}
