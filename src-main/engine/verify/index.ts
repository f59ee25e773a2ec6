/** Checking a repository, as deep as asked, without changing it. */
export { type VerifyDepth, type VerifyOptions, verify } from './verify.ts';
