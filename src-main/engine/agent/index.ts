/** Runs backup sets by themselves. */
export { type Agent, type AgentOptions, startAgent } from './agent.ts';
