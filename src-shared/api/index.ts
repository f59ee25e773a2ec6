/** What a window and the engine say to each other. */
export * from './contract.ts';
export { COMMAND_NAMES, isCommandName, parseCall, parseInput } from './schema.ts';
