/** What importing a component gives, for tools that read .ts files alone; svelte-check knows each component exactly. */
declare module '*.svelte' {
  import type { Component } from 'svelte';

  const component: Component;
  export default component;
}
