using Microsoft.ML.OnnxRuntime;

namespace Slipway.Export.Tests;

/// <summary>Runs an encoder package with ONNX Runtime alone.</summary>
internal sealed class EncoderRunner : IDisposable
{
    private readonly InferenceSession _session;

    public EncoderRunner(string folder)
    {
        using SessionOptions options = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        _session = new InferenceSession(Path.Combine(folder, "model.onnx"), options);
    }

    public IReadOnlyList<string> Outputs => _session.OutputNames;

    /// <summary>The outputs by name for a batch of rows of equal length.</summary>
    public Dictionary<string, float[]> Run(
        long rows, long[] ids, long[] mask, long[]? types = null, long? promptLength = null)
    {
        long[] shape = [rows, ids.Length / rows];
        Dictionary<string, OrtValue> inputs = new()
        {
            ["input_ids"] = OrtValue.CreateTensorValueFromMemory(ids, shape),
            ["attention_mask"] = OrtValue.CreateTensorValueFromMemory(mask, shape),
        };
        if (_session.InputNames.Contains("token_type_ids"))
        {
            inputs["token_type_ids"] = OrtValue.CreateTensorValueFromMemory(types ?? new long[ids.Length], shape);
        }

        if (promptLength is { } length)
        {
            inputs["prompt_length"] = OrtValue.CreateTensorValueFromMemory([length], [1L]);
        }

        using RunOptions options = new();
        using var outputs = _session.Run(options, inputs, _session.OutputNames);
        var values = _session.OutputNames.Zip(outputs).ToDictionary(
            pair => pair.First, pair => pair.Second.GetTensorDataAsSpan<float>().ToArray());
        foreach (var input in inputs.Values)
        {
            input.Dispose();
        }

        return values;
    }

    public void Dispose() => _session.Dispose();
}
