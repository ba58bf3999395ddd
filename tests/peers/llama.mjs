// llama.cpp through node-llama-cpp with its prebuilt binary.
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { randomSource, runStreams } from "./streams.mjs";

/** Loads a GGUF file; the result measures streams over it. */
export async function loadLlama(path, { threads, promptTokens, newTokens }) {
    const llama = await getLlama({
        gpu: false, build: "never", maxThreads: threads, logLevel: LlamaLogLevel.error,
    });
    const model = await llama.loadModel({ modelPath: path });
    const random = randomSource(1);
    const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
    const limit = count => count === 1 ? newTokens + 1 : 4 * newTokens + 8 * count;
    return {
        version: llama.llamaCppRelease?.release ?? "",
        cpu: llama.cpuMathCores,
        async measure(count) {
            const context = await model.createContext({
                sequences: count, contextSize: promptTokens + limit(count) + 1, threads: { ideal: threads, min: threads },
            });
            try {
                const sequences = Array.from({ length: count }, () => context.getSequence());
                return await runStreams(count, promptTokens, newTokens, async function* (index) {
                    const prompt = Array.from({ length: promptTokens }, () => Math.floor(random() * vocabulary));
                    let left = limit(count);
                    for await (const token of sequences[index].evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
                        yield token;
                        if (--left === 0) {
                            return;
                        }
                    }
                });
            } finally {
                await context.dispose();
            }
        },
        dispose: () => llama.dispose(),
    };
}
