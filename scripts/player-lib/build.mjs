// Makes the file that is named on the command line: the library as one script that defines `rrwebReplay`.

import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const version = JSON.parse(fs.readFileSync(here('node_modules/@rrweb/replay/package.json'))).version;

await build({
  entryPoints: [here('entry.mjs')],
  outfile: process.argv[2],
  bundle: true,
  minify: true,
  format: 'iife',
  globalName: 'rrwebReplay',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'inline',
  banner: {
    js: `/*! @rrweb/replay ${version}, MIT, Copyright (c) 2018 Contributors (https://github.com/rrweb-io/rrweb/graphs/contributors) and SmartX Inc. */`,
  },
});
