using System.Diagnostics;
using System.Numerics.Tensors;
using LLama;
using LLama.Common;
using LLama.Native;

/// <summary>Runs a GGUF file by llama.cpp through LLamaSharp, several streams as sequences of one batch.</summary>
internal sealed class LlamaContender(string path) : IContender
{
    private const int BatchSize = 512;

    public string Name => "LLamaSharp";

    public Task<IReadOnlyDictionary<int, Rates>> MeasureAsync(Workload workload, IReadOnlyList<int> streams, int seed)
    {
        Dictionary<int, Rates> rates = [];
        var parameters = Parameters(workload.Threads, 1, workload.Length);
        using var weights = LLamaWeights.LoadFromFile(parameters);
        Run(weights, workload with { NewTokens = 2 }, 1, seed);
        foreach (var count in streams)
        {
            rates[count] = Run(weights, workload, count, seed);
        }

        return Task.FromResult<IReadOnlyDictionary<int, Rates>>(rates);
    }

    public Task<double> PerplexityAsync(IReadOnlyList<int[]> windows, int threads)
    {
        var parameters = Parameters(threads, 1, windows.Max(window => window.Length));
        using var weights = LLamaWeights.LoadFromFile(parameters);
        Likelihood likelihood = new();
        foreach (var window in windows)
        {
            using var context = weights.CreateContext(parameters);
            foreach (var (start, part) in Parts(window))
            {
                LLamaBatch batch = new();
                for (var place = 0; place < part.Length; place++)
                {
                    batch.Add(part[place], start + place, LLamaSeqId.Zero, true);
                }

                Decode(context, batch);
                for (var place = 0; place < part.Length && start + place + 1 < window.Length; place++)
                {
                    likelihood.Add(context.NativeHandle.GetLogitsIth(place), window[start + place + 1]);
                }
            }
        }

        return Task.FromResult(likelihood.Perplexity);
    }

    private static IEnumerable<(int Start, int[] Tokens)> Parts(int[] tokens)
        => tokens.Chunk(BatchSize).Select((part, index) => (index * BatchSize, part));

    private ModelParams Parameters(int threads, int streams, int length) => new(path)
    {
        ContextSize = (uint)(streams * length),
        SeqMax = (uint)streams,
        Threads = threads,
        BatchThreads = threads,
        BatchSize = BatchSize,
        UBatchSize = BatchSize,
        GpuLayerCount = 0,
    };

    private Rates Run(LLamaWeights weights, Workload workload, int streams, int seed)
    {
        using var context = weights.CreateContext(Parameters(workload.Threads, streams, workload.Length + 64));
        var prompts = workload.Prompts(streams, weights.Vocab.Count, seed);
        var next = new int[streams];
        var started = Stopwatch.GetTimestamp();
        for (var stream = 0; stream < streams; stream++)
        {
            foreach (var (start, part) in Parts(prompts[stream]))
            {
                LLamaBatch batch = new();
                var last = 0;
                for (var place = 0; place < part.Length; place++)
                {
                    last = batch.Add(
                        part[place], start + place, (LLamaSeqId)stream, start + place == workload.PromptTokens - 1);
                }

                Decode(context, batch);
                if (start + part.Length == workload.PromptTokens)
                {
                    next[stream] = TensorPrimitives.IndexOfMax(context.NativeHandle.GetLogitsIth(last));
                }
            }
        }

        var prefilled = Stopwatch.GetTimestamp();
        for (var token = 0; token < workload.NewTokens; token++)
        {
            LLamaBatch batch = new();
            for (var stream = 0; stream < streams; stream++)
            {
                batch.Add(next[stream], workload.PromptTokens + token, (LLamaSeqId)stream, true);
            }

            Decode(context, batch);
            for (var stream = 0; stream < streams; stream++)
            {
                next[stream] = TensorPrimitives.IndexOfMax(context.NativeHandle.GetLogitsIth(stream));
            }
        }

        return workload.Rates(
            streams,
            Stopwatch.GetElapsedTime(started, prefilled).TotalSeconds,
            Stopwatch.GetElapsedTime(prefilled).TotalSeconds);
    }

    private static void Decode(LLamaContext context, LLamaBatch batch)
    {
        if (context.NativeHandle.Decode(batch) is not DecodeResult.Ok and var result)
        {
            throw new InvalidOperationException(
                $"llama.cpp did not decode: {result}. Ask for fewer streams or tokens.");
        }
    }
}
