// Streams of one measurement, counted as `slipway bench` counts them.

/** Runs streams until each has given its tokens while all of them decoded; prompts differ. */
export async function runStreams(count, promptTokens, newTokens, start) {
    const times = Array.from({ length: count }, () => []);
    let waiting = count;
    let running = count;
    const begun = performance.now();
    await Promise.all(times.map(async (mine, index) => {
        let missing = newTokens;
        for await (const _ of start(index)) {
            mine.push(performance.now());
            if (mine.length === 1) {
                waiting--;
            } else if (waiting === 0 && --missing === 0) {
                running--;
            }

            if (running === 0) {
                break;
            }
        }
    }));

    // While all decode: from the last stream's first token to the first one's last.
    const from = Math.max(...times.map(mine => mine[0]));
    const to = Math.min(...times.map(mine => mine.at(-1)));
    const tokens = times.flat().filter(time => time > from && time <= to).length;
    return {
        prefill: 1e3 * count * promptTokens / (from - begun),
        decode: 1e3 * tokens / (to - from),
        firstToken: median(times.map(mine => mine[0] - begun)),
    };
}

/** The median, of an even number the mean of the middle two. */
export function median(values) {
    const sorted = values.toSorted((x, y) => x - y);
    return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** Numbers that a seed determines, from 0 to 1 (mulberry32). */
export function randomSource(seed) {
    return () => {
        seed = (seed + 0x6D2B79F5) | 0;
        let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    };
}
