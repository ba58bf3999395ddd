using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Slipway.Engine.Execution;
using Slipway.Packaging;

namespace Slipway.Evaluation.KeyValues;

/// <summary>Runs a decoder's graph step by step over rows of one length and holds what it carries along.</summary>
internal sealed class DecoderSteps : IDisposable
{
    private const string Past = "past_key_values.", Present = "present.", Keep = "logits_to_keep";

    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions;
    private readonly Dictionary<string, OrtValue> _carried = new(StringComparer.Ordinal);
    private readonly string[] _presents;
    private readonly int _vocabulary;
    private float[] _logits = [];
    private int _length;

    public DecoderSteps(ModelPackage package)
    {
        _vocabulary = package.Config.Model.VocabSize;
        NativeRuntime.Require();
        _runOptions = new RunOptions();
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        _session = new InferenceSession(package.ModelPath, options);
        _presents = [.. _session.OutputNames.Where(name => name.StartsWith(Present, StringComparison.Ordinal))];
    }

    /// <summary>Forgets all rows.</summary>
    public void Restart()
    {
        foreach (var value in _carried.Values)
        {
            value.Dispose();
        }

        _carried.Clear();
        _length = 0;
    }

    /// <summary>Runs the next tokens of each row.</summary>
    /// <param name="tokens">Those of the first row, then those of the next.</param>
    /// <param name="rows">Rows, as many in every step until a restart.</param>
    public void Run(ReadOnlySpan<int> tokens, int rows)
    {
        var ids = new long[tokens.Length];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = tokens[i];
        }

        var count = tokens.Length / rows;
        _length += count;
        var mask = new long[rows * _length];
        Array.Fill(mask, 1);
        var inputs = new Dictionary<string, OrtValue>(StringComparer.Ordinal)
        {
            ["input_ids"] = OrtValue.CreateTensorValueFromMemory(ids, [rows, count]),
            ["attention_mask"] = OrtValue.CreateTensorValueFromMemory(mask, [rows, _length]),
        };
        if (_session.OverridableInitializerMetadata.ContainsKey(Keep))
        {
            inputs[Keep] = OrtValue.CreateTensorValueFromMemory<long>([1], [1]);
        }

        foreach (var (name, metadata) in _session.InputMetadata.Where(
            input => input.Key.StartsWith(Past, StringComparison.Ordinal)))
        {
            inputs[name] = _carried.Remove(PresentOf(name), out var value) ? value : Empty(metadata, rows);
        }

        try
        {
            using var outputs = _session.Run(_runOptions, inputs, ["logits", .. _presents]);
            _logits = outputs[0].GetTensorDataAsSpan<float>().ToArray();
            for (var i = 0; i < _presents.Length; i++)
            {
                _carried[_presents[i]] = Taken(outputs[i + 1]);
            }
        }
        finally
        {
            foreach (var value in inputs.Values)
            {
                value.Dispose();
            }
        }
    }

    /// <summary>The logits after a row's last token.</summary>
    public ReadOnlySpan<float> LastLogits(int row) => _logits.AsSpan(row * _vocabulary, _vocabulary);

    /// <summary>Shows the keys and values of all rows.</summary>
    public void Show(Action<string, ReadOnlySpan<float>, ReadOnlySpan<long>> observe)
    {
        foreach (var (name, value) in _carried.Where(pair => IsKeyOrValue(pair.Key)))
        {
            observe(name, value.GetTensorDataAsSpan<float>(), value.GetTensorTypeAndShape().Shape);
        }
    }

    public void Dispose()
    {
        Restart();
        _runOptions.Dispose();
        _session.Dispose();
    }

    private static string PresentOf(string past) => $"{Present}{past.AsSpan(Past.Length)}";

    private static bool IsKeyOrValue(string name)
        => name.EndsWith(".key", StringComparison.Ordinal) || name.EndsWith(".value", StringComparison.Ordinal);

    // Dimensions that each run decides are the batch, then the length.
    private static OrtValue Empty(NodeMetadata metadata, int rows)
    {
        long[] shape = [rows, .. metadata.Dimensions.Skip(1).Select(size => (long)Math.Max(size, 0))];
        var value = OrtValue.CreateAllocatedTensorValue(
            OrtAllocator.DefaultInstance, TensorElementType.Float, shape);
        value.GetTensorMutableRawData().Clear();
        return value;
    }

    // The collection of a run's outputs disposes what it holds.
    private static OrtValue Taken(OrtValue value)
    {
        var copy = OrtValue.CreateAllocatedTensorValue(
            OrtAllocator.DefaultInstance, TensorElementType.Float, value.GetTensorTypeAndShape().Shape);
        value.GetTensorDataAsSpan<float>().CopyTo(copy.GetTensorMutableDataAsSpan<float>());
        return copy;
    }
}
