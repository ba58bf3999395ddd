// Rewrites the ranges of properties.txt for the Unicode version of Node.js: node generate-properties.mjs
// The names of scripts and of binary properties, marked "+", stay; a new one is a line with its name and short name.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('properties.txt', import.meta.url);
const hex = (code) => code.toString(16).toUpperCase();

const pattern = (name) => new RegExp(`^\\p{${name.startsWith('+') ? name.slice(1) : `Script=${name}`}}$`, 'u');

function ranges(test) {
  const result = [];
  let start = -1;
  for (let code = 0; code <= 0x110000; code++) {
    const inside = code < 0x110000 && test.test(String.fromCodePoint(code));
    if (inside && start < 0) {
      start = code;
    } else if (!inside && start >= 0) {
      result.push(start === code - 1 ? hex(start) : `${hex(start)}-${hex(code - 1)}`);
      start = -1;
    }
  }
  return result.join(' ');
}

const names = readFileSync(file, 'utf8').trim().split('\n').slice(1).map((line) => line.split(' ').slice(0, 2));
writeFileSync(file, [
  `# Unicode ${process.versions.unicode}: scripts, and binary properties marked "+", each with its name, its short name `
    + 'and its ranges.',
  ...names.map(([name, short]) => `${name} ${short} ${ranges(pattern(name))}`),
].join('\n') + '\n');
