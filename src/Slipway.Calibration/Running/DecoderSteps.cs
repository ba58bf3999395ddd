using Microsoft.ML.OnnxRuntime;
using Slipway.Engine.Execution;

namespace Slipway.Calibration.Running;

/// <summary>Runs a decoder's graph step by step over rows of one length and holds what it carries along.</summary>
/// <remarks>For graphs as they are exported: each row's past is as long as the others'. Not safe for concurrent
/// use.</remarks>
internal sealed class DecoderSteps : IDisposable
{
    private const string Past = "past_key_values.", Present = "present.", Keep = "logits_to_keep", Logits = "logits";
    private const string TokenTypes = "token_type_ids";

    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions;
    private readonly Dictionary<string, OrtValue> _carried = new(StringComparer.Ordinal);
    private readonly string[] _presents;
    private int _length;

    /// <summary>Opens a graph file.</summary>
    public DecoderSteps(string path)
        : this(options => new InferenceSession(path, options))
    {
    }

    /// <summary>Opens a graph in memory whose constants stand in a folder.</summary>
    public DecoderSteps(ReadOnlyMemory<byte> graph, string folder)
        : this(options =>
        {
            options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", folder);
            return new InferenceSession(graph.ToArray(), options);
        })
    {
    }

    private DecoderSteps(Func<SessionOptions, InferenceSession> open)
    {
        NativeRuntime.Require();
        _runOptions = new RunOptions();
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };

        // Weights stay mapped from their file: a packed copy of each would double the memory.
        options.AddSessionConfigEntry("session.disable_prepacking", "1");
        options.EnableCpuMemArena = false;
        options.EnableMemoryPattern = false;
        _session = open(options);
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
    /// <param name="outputs">What to show.</param>
    /// <param name="show">Takes the index of an output and its elements; null for outputs that are of no
    /// interest.</param>
    public void Run(
        ReadOnlySpan<int> tokens, int rows, IReadOnlyList<string> outputs, Action<int, OrtValue>? show)
    {
        var inputs = Inputs(tokens, rows);
        string[] shown = show is null ? [] : [.. outputs];
        try
        {
            using var values = _session.Run(_runOptions, inputs, [.. shown, .. _presents]);
            for (var i = 0; i < shown.Length; i++)
            {
                show!(i, values[i]);
            }

            for (var i = 0; i < _presents.Length; i++)
            {
                _carried[_presents[i]] = Taken(values[shown.Length + i]);
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

    /// <summary>Makes a buffer of zeros for an input of fixed shape.</summary>
    public OrtValue Zeros(string input)
    {
        var metadata = _session.InputMetadata[input];
        var value = OrtValue.CreateAllocatedTensorValue(
            OrtAllocator.DefaultInstance, metadata.ElementDataType,
            [.. metadata.Dimensions.Select(size => (long)size)]);
        value.GetTensorMutableRawData().Clear();
        return value;
    }

    /// <summary>Runs whole rows, whose outputs are added to buffers that the graph reads and writes.</summary>
    /// <param name="tokens">Those of the first row, then those of the next.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="sums">The buffers, by the names of their inputs and outputs.</param>
    public void Add(ReadOnlySpan<int> tokens, int rows, IReadOnlyList<(string Input, string Output, OrtValue Sum)> sums)
    {
        Restart();
        var inputs = Inputs(tokens, rows);
        try
        {
            _session.Run(
                _runOptions, [.. inputs.Keys, .. sums.Select(sum => sum.Input)],
                [.. inputs.Values, .. sums.Select(sum => sum.Sum)], [.. sums.Select(sum => sum.Output)],
                [.. sums.Select(sum => sum.Sum)]);
        }
        finally
        {
            foreach (var value in inputs.Values)
            {
                value.Dispose();
            }
        }
    }

    /// <summary>Runs whole rows, perhaps with another value of a constant, for the logits at every position.</summary>
    /// <param name="tokens">Those of the first row, then those of the next.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="constant">The constant's name; null for none.</param>
    /// <param name="value">What takes its place.</param>
    /// <param name="show">Takes the logits, [rows, tokens, vocabulary].</param>
    public void Score(
        ReadOnlySpan<int> tokens, int rows, string? constant, OrtValue? value, Action<OrtValue> show)
    {
        Restart();
        var inputs = Inputs(tokens, rows, keepsAll: true);
        try
        {
            string[] names = [.. inputs.Keys];
            OrtValue[] values = [.. inputs.Values];
            using var logits = constant is null
                ? _session.Run(_runOptions, names, values, [Logits])
                : _session.Run(_runOptions, [.. names, constant], [.. values, value!], [Logits]);
            show(logits[0]);
        }
        finally
        {
            foreach (var input in inputs.Values)
            {
                input.Dispose();
            }
        }
    }

    /// <summary>Makes a buffer for a constant that a run can replace.</summary>
    public OrtValue BufferOf(string constant)
    {
        var metadata = _session.OverridableInitializerMetadata[constant];
        return OrtValue.CreateAllocatedTensorValue(
            OrtAllocator.DefaultInstance, metadata.ElementDataType,
            [.. metadata.Dimensions.Select(size => (long)size)]);
    }

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

    private Dictionary<string, OrtValue> Inputs(ReadOnlySpan<int> tokens, int rows, bool keepsAll = false)
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
        if (!keepsAll && _session.OutputNames.Contains(Logits)
            && _session.OverridableInitializerMetadata.ContainsKey(Keep))
        {
            inputs[Keep] = OrtValue.CreateTensorValueFromMemory<long>([1], [1]);
        }

        if (_session.InputMetadata.ContainsKey(TokenTypes))
        {
            inputs[TokenTypes] = OrtValue.CreateTensorValueFromMemory(new long[tokens.Length], [rows, count]);
        }

        foreach (var (name, metadata) in _session.InputMetadata.Where(
            input => input.Key.StartsWith(Past, StringComparison.Ordinal)))
        {
            inputs[name] = _carried.Remove(PresentOf(name), out var value) ? value : Empty(metadata, rows);
        }

        return inputs;
    }

    private static string PresentOf(string past) => $"{Present}{past.AsSpan(Past.Length)}";

    private static bool IsKeyOrValue(string name)
        => name.EndsWith(".key", StringComparison.Ordinal) || name.EndsWith(".value", StringComparison.Ordinal);

    // Dimensions that each run decides are the batch, then the length.
    private static OrtValue Empty(NodeMetadata metadata, int rows)
    {
        long[] shape = [rows, .. metadata.Dimensions.Skip(1).Select(size => (long)Math.Max(size, 0))];
        var value = OrtValue.CreateAllocatedTensorValue(
            OrtAllocator.DefaultInstance, metadata.ElementDataType, shape);
        value.GetTensorMutableRawData().Clear();
        return value;
    }

    // The collection of a run's outputs disposes what it holds.
    private static OrtValue Taken(OrtValue value)
    {
        var info = value.GetTensorTypeAndShape();
        var copy = OrtValue.CreateAllocatedTensorValue(
            OrtAllocator.DefaultInstance, info.ElementDataType, info.Shape);
        value.GetTensorMutableRawData().CopyTo(copy.GetTensorMutableRawData());
        return copy;
    }
}
