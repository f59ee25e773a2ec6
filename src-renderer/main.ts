/** The window's entry: puts the app into the page that the host, Electron or “cairn serve”, has opened. */
import { mount } from 'svelte';

import App from './App.svelte';

const target = document.getElementById('app');
if (target === null) throw new Error('The page has no place for the app.');
mount(App, { target });
