using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.OnnxRuntimeGenAI;

/// <summary>Runs a package's portable graph by ONNX Runtime GenAI, several streams as one static batch.</summary>
internal sealed class GenAIContender(string folder) : IContender
{
    public string Name => "GenAI";

    public Task<IReadOnlyDictionary<int, Rates>> MeasureAsync(Workload workload, IReadOnlyList<int> streams, int seed)
    {
        using var config = Configure(workload.Threads);
        using Model model = new(config);
        Dictionary<int, Rates> rates = [];
        Run(model, workload with { NewTokens = 2 }, 1, seed);
        foreach (var count in streams)
        {
            rates[count] = Run(model, workload, count, seed);
        }

        return Task.FromResult<IReadOnlyDictionary<int, Rates>>(rates);
    }

    public Task<double> PerplexityAsync(IReadOnlyList<int[]> windows, int threads)
    {
        using var config = Configure(threads);
        using Model model = new(config);
        Likelihood likelihood = new();
        foreach (var window in windows)
        {
            using GeneratorParams parameters = new(model);
            parameters.SetSearchOption("max_length", window.Length);
            using Generator generator = new(model, parameters);

            // The graph gives the last token's logits alone, so each token is a run.
            for (var place = 0; place < window.Length - 1; place++)
            {
                generator.AppendTokens([window[place]]);
                using var logits = generator.GetOutput("logits");
                likelihood.Add(logits.GetData<float>(), window[place + 1]);
            }
        }

        return Task.FromResult(likelihood.Perplexity);
    }

    private Config Configure(int threads)
    {
        Config config = new(folder);
        config.Overlay(
            "{\"model\":{\"decoder\":{\"session_options\":{\"log_severity_level\":3,"
            + "\"intra_op_num_threads\":" + threads.ToString(CultureInfo.InvariantCulture) + "}}}}");
        return config;
    }

    private static Rates Run(Model model, Workload workload, int streams, int seed)
    {
        using GeneratorParams parameters = new(model);
        parameters.SetSearchOption("batch_size", streams);
        parameters.SetSearchOption("max_length", workload.Length);
        parameters.SetSearchOption("min_length", workload.Length);
        parameters.SetSearchOption("past_present_share_buffer", true);
        using Generator generator = new(model, parameters);
        var prompts = workload.Prompts(streams, VocabularySize(model), seed);

        var started = Stopwatch.GetTimestamp();
        generator.AppendTokens([.. prompts.SelectMany(prompt => prompt)]);
        generator.GenerateNextToken();
        var prefilled = Stopwatch.GetTimestamp();
        for (var token = 0; token < workload.NewTokens; token++)
        {
            generator.GenerateNextToken();
        }

        return workload.Rates(
            streams,
            Stopwatch.GetElapsedTime(started, prefilled).TotalSeconds,
            Stopwatch.GetElapsedTime(prefilled).TotalSeconds);
    }

    private static int VocabularySize(Model model)
    {
        using GeneratorParams parameters = new(model);
        parameters.SetSearchOption("max_length", 2);
        using Generator generator = new(model, parameters);
        generator.AppendTokens([0]);
        using var logits = generator.GetOutput("logits");
        return (int)logits.Shape()[^1];
    }
}
