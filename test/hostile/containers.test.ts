/** Packs, commit files and index runs whose fields lie under right tags. */
import { CONTAINERS } from './groups/containers.ts';
import { runGroup } from './runner.ts';

runGroup(CONTAINERS);
