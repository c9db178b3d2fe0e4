// What `npm start` needs first: modules where they are missing, and a build.
import { installModules, must } from './modules.mjs';

installModules();
must('node_modules/.bin/vite', ['build', '--logLevel', 'warn']);
