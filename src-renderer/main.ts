/** Where the window begins: the right transport, the one App, the frame. Nothing else is done here. */
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import { mount } from 'svelte';
import AppFrame from './App.svelte';
import { App } from './state/app.svelte.ts';
import { portTransport } from './transport/port.ts';
import { socketTransport } from './transport/socket.ts';

const app = new App(window.cairn === undefined ? socketTransport() : portTransport(window.cairn));
const target = document.getElementById('app');
if (target !== null) mount(AppFrame, { target, props: { app } });
app.start();
