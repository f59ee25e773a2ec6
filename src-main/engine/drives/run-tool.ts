/** A tool of the system that says something about its drives: run without a shell, for a limited time and output. */
import { execFile } from 'node:child_process';

const TOOL_TIMEOUT_MS = 10_000;
const TOOL_OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

/** What the tool printed; undefined where it is missing, failed, or took too long. */
export type RunTool = (program: string, args: readonly string[]) => Promise<string | undefined>;

export const runTool: RunTool = (program, args) =>
  new Promise((resolve) => {
    const options = { timeout: TOOL_TIMEOUT_MS, maxBuffer: TOOL_OUTPUT_BYTES_MAX, windowsHide: true } as const;
    execFile(program, [...args], { ...options, killSignal: 'SIGKILL' }, (error, output) => {
      resolve(error === null ? output : undefined);
    });
  });
