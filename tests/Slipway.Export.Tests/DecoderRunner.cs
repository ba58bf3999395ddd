using Microsoft.ML.OnnxRuntime;
using Slipway.Packaging;

namespace Slipway.Export.Tests;

/// <summary>Runs a package's decoder with ONNX Runtime alone, the cache growing from step to step.</summary>
/// <remarks>Layers with a window have a cache of the size that the package states.</remarks>
internal sealed class DecoderRunner : IDisposable
{
    private readonly GenAIModel _model;
    private readonly InferenceSession _session;
    private readonly Dictionary<string, (float[] Data, long[] Shape)> _cache = [];
    private readonly int _rotarySwitch;
    private int _length;

    /// <param name="folder">The package.</param>
    public DecoderRunner(string folder)
    {
        var package = ModelPackage.Open(folder);
        _model = package.Config.Model;
        _rotarySwitch = package.Manifest?.RotarySwitch ?? int.MaxValue;
        using SessionOptions options = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        _session = new InferenceSession(package.ModelPath, options);
    }

    public int VocabularySize => _model.VocabSize;

    /// <summary>How long the sequence will be, for models that must know; 0 where it runs at once.</summary>
    public int PlannedLength { get; init; }

    /// <summary>The logits of new tokens, [tokens, vocabulary], or of the last ones only.</summary>
    public float[] Run(IReadOnlyList<int> tokens, int keep = 0)
    {
        _length += tokens.Count;
        Dictionary<string, OrtValue> inputs = new()
        {
            ["input_ids"] = Tensor([.. tokens.Select(id => (long)id)], 1, tokens.Count),
            ["attention_mask"] = Tensor([.. Enumerable.Repeat(1L, _length)], 1, _length),
        };
        if (keep > 0)
        {
            inputs["logits_to_keep"] = Tensor([(long)keep], 1);
        }

        if (PlannedLength > 0 && _rotarySwitch < int.MaxValue)
        {
            inputs["planned_length"] = Tensor([(long)PlannedLength], 1);
        }

        foreach (var name in _session.InputNames.Where(name => name.StartsWith("past", StringComparison.Ordinal)))
        {
            var (data, shape) = _cache.TryGetValue(name, out var held) ? held : Empty(name);
            inputs[name] = OrtValue.CreateTensorValueFromMemory(data, shape);
        }

        using RunOptions options = new();
        using var outputs = _session.Run(options, inputs, _session.OutputNames);
        float[] logits = [];
        foreach (var (name, value) in _session.OutputNames.Zip(outputs))
        {
            var data = value.GetTensorDataAsSpan<float>().ToArray();
            if (name == "logits")
            {
                logits = data;
                continue;
            }

            _cache[name.Replace("present", "past_key_values", StringComparison.Ordinal)] =
                (data, value.GetTensorTypeAndShape().Shape);
        }

        foreach (var input in inputs.Values)
        {
            input.Dispose();
        }

        return logits;
    }

    /// <summary>Forgets the sequence, for another one.</summary>
    public void Reset()
    {
        _cache.Clear();
        _length = 0;
    }

    /// <summary>The most probable tokens after a prompt.</summary>
    public int[] Greedy(IReadOnlyList<int> prompt, int count)
    {
        List<int> tokens = [];
        var next = prompt;
        while (tokens.Count < count)
        {
            var logits = Run(next, keep: 1);
            tokens.Add(Array.IndexOf(logits, logits.Max()));
            next = [tokens[^1]];
            if (_length == _rotarySwitch)
            {
                // From here on the frequencies are others, for the tokens before too.
                (_length, next) = (0, [.. prompt, .. tokens]);
                _cache.Clear();
            }
        }

        return [.. tokens];
    }

    public void Dispose() => _session.Dispose();

    private static OrtValue Tensor(long[] values, params long[] shape) =>
        OrtValue.CreateTensorValueFromMemory(values, shape);

    // Keys and values of no position, states of zeros.
    private (float[] Data, long[] Shape) Empty(string name)
    {
        var input = _session.InputMetadata[name];
        long[] shape = [.. input.Dimensions.Select((size, axis) => axis == 0 ? 1L : Math.Max(size, 0))];
        if (_model.Decoder.SlidingWindow is { } window && input.SymbolicDimensions[2] == "past_sliding")
        {
            shape[2] = window.WindowSize + window.CacheSlack;
        }

        return (new float[shape.Aggregate(1L, (count, size) => count * size)], shape);
    }
}
