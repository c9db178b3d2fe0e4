// The page begins here.
import { mount } from 'svelte';
import App from './views/App.svelte';
import './views/base.css';

const target = document.getElementById('app');
if (target === null) throw new Error('index.html has no #app');
mount(App, { target });
