/** Names of the catalog's files: one for each repository, so that each can be removed by itself, and one for figures. */
import { parseRepositoryId } from '../../../src-shared/ids.ts';

export const METRICS_NAME = 'metrics.db';

export function fileName(repositoryId: string): string {
  return `${parseRepositoryId(repositoryId)}.db`;
}
