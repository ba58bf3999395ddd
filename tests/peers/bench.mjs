// Measures llama.cpp and Slipway in turns; see README.md.
import { execFile } from "node:child_process";
import { parseArgs, promisify } from "node:util";
import { loadLlama } from "./llama.mjs";
import { median } from "./streams.mjs";

const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        slipway: { type: "string", default: "slipway" },
        threads: { type: "string", default: "2" },
        rounds: { type: "string", default: "3" },
        streams: { type: "string", default: "1,8" },
        "prompt-tokens": { type: "string", default: "512" },
        "new-tokens": { type: "string", default: "128" },
    },
});
if (positionals.length !== 2) {
    console.error("Usage: node bench.mjs MODEL.gguf PACKAGE [--slipway 'dotnet Slipway.Cli.dll'] [--threads 2] [--rounds 3]");
    process.exit(2);
}

const [gguf, folder] = positionals;
const [threads, rounds, promptTokens, newTokens] =
    ["threads", "rounds", "prompt-tokens", "new-tokens"].map(name => Number(values[name]));
const counts = values.streams.split(",").map(Number);
const run = promisify(execFile);

async function measureSlipway() {
    const [program, ...first] = values.slipway.split(" ");
    const { stdout } = await run(program, [
        ...first, "bench", folder, "--threads", `${threads}`, "--concurrency", values.streams, "--rounds", "1",
        "--prompt-tokens", `${promptTokens}`, "--new-tokens", `${newTokens}`, "--json",
    ]);
    const report = JSON.parse(stdout);
    return report.runs.map(one => ({
        prefill: one.prefill_tokens_per_second,
        decode: one.decode_tokens_per_second,
        firstToken: 1e3 * one.time_to_first_token_seconds,
    }));
}

const llama = await loadLlama(gguf, { threads, promptTokens, newTokens });
for (const count of counts) {
    await llama.measure(count);
}

const samples = counts.map(() => []);
for (let round = 0; round < rounds; round++) {
    const theirs = [];
    for (const count of counts) {
        theirs.push(await llama.measure(count));
    }

    const ours = await measureSlipway();
    counts.forEach((_, i) => samples[i].push({ theirs: theirs[i], ours: ours[i] }));
    console.error(`round ${round + 1} of ${rounds}`);
}

console.log(`${threads} threads, prompts of ${promptTokens} tokens and ${newTokens} new, medians over ${rounds} rounds, llama.cpp ${llama.version}, node-llama-cpp's binary`);
for (const [i, count] of counts.entries()) {
    for (const [key, unit] of [["prefill", "tok/s"], ["decode", "tok/s"], ["firstToken", "ms"]]) {
        const [ours, theirs] = ["ours", "theirs"].map(who => median(samples[i].map(sample => sample[who][key])));
        const ratio = median(samples[i].map(sample => sample.ours[key] / sample.theirs[key]));
        console.log(
            `${`${count} streams`.padEnd(11)} ${key.padEnd(10)} slipway ${ours.toFixed(0).padStart(6)}  llama.cpp `
            + `${theirs.toFixed(0).padStart(6)} ${unit.padEnd(5)}  × ${ratio.toFixed(2)}`);
    }
}

await llama.dispose();
