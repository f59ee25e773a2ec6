/** Runs backup sets by themselves. */
export { watchingOf } from './watching.ts';
export { type Agent, type AgentOptions, startAgent } from './agent.ts';
