'use strict';
/** `import()` for CommonJS. In a file of its own because an old Node cannot even read a file that contains the word. */
const { pathToFileURL } = require('url');

module.exports = (file) => import(pathToFileURL(file).href);
