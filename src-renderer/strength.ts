/**
 * How hard a password is to guess, from 0 to 4, by zxcvbn: it knows common passwords, words, keyboard rows and dates.
 * Half a megabyte of dictionaries, so it is loaded with the first typed character and never before.
 */

export type Strength = 0 | 1 | 2 | 3 | 4;

/** Longer ones are strong by length; the estimator's time grows with the square. */
const CHARACTERS_LOOKED_AT = 64;

type Estimator = { readonly check: (password: string) => { readonly score: Strength } };

let estimator: Promise<Estimator> | undefined;

export async function strengthOf(password: string): Promise<Strength> {
  estimator ??= loadEstimator();
  return (await estimator).check(password.slice(0, CHARACTERS_LOOKED_AT)).score;
}

async function loadEstimator(): Promise<Estimator> {
  const [core, common] = await Promise.all([import('@zxcvbn-ts/core'), import('@zxcvbn-ts/language-common')]);
  const dictionary = { ...common.dictionary, cairn: ['cairn', 'backup', 'mybackup', 'secret', 'letmein'] };
  return new core.ZxcvbnFactory({ dictionary, graphs: common.adjacencyGraphs });
}
