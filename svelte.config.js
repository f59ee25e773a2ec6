/** Runes everywhere: a component that still wants the older syntax does not compile. Read by svelte-check and eslint. */
export default { compilerOptions: { runes: true } };
