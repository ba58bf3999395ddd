using System.Text.Json;
using Microsoft.ML.OnnxRuntime;
using Slipway.Engine.Execution;
using Slipway.Packaging;

namespace Slipway.Embeddings;

/// <summary>Runs the graph of an encoder over token ids and tells every output.</summary>
internal sealed class EncoderModel : IDisposable
{
    private readonly InferenceSession _session;

    private EncoderModel(EncoderPackage package, InferenceSession session) => (Package, _session) = (package, session);

    public EncoderPackage Package { get; }

    /// <summary>The names of the inputs that a run must be given, each int64 [batch, sequence].</summary>
    public IReadOnlyList<string> Inputs => _session.InputNames;

    /// <summary>The names of the inputs that a run may be given.</summary>
    public IReadOnlyList<string> OptionalInputs => [.. _session.OverridableInitializerMetadata.Keys];

    /// <summary>The number of tokens; null where the package's <c>config.json</c> does not say.</summary>
    public int? VocabularySize => Number("vocab_size");

    /// <summary>The token that fills up shorter texts of a batch.</summary>
    public int PadId => Number("pad_token_id") ?? 0;

    /// <summary>Opens a package.</summary>
    /// <exception cref="PackageException">A file is missing, altered or malformed.</exception>
    public static EncoderModel Load(string folder, LanguageModelOptions? options = null)
    {
        var package = EncoderPackage.Open(folder);
        return new EncoderModel(package, ModelSession.Open(package.ModelPath, options ?? new LanguageModelOptions()));
    }

    /// <summary>Runs the graph once.</summary>
    /// <param name="inputs">Numbers and shape of each input, by name.</param>
    /// <returns>Every output of the graph, by name, with its shape.</returns>
    public IReadOnlyList<(string Name, float[] Values, long[] Shape)> Run(
        IReadOnlyDictionary<string, (long[] Values, long[] Shape)> inputs)
    {
        var values = inputs.ToDictionary(
            input => input.Key, input => OrtValue.CreateTensorValueFromMemory(input.Value.Values, input.Value.Shape));
        try
        {
            using var options = new RunOptions();
            using var outputs = _session.Run(options, values, _session.OutputNames);
            return [.. _session.OutputNames.Zip(outputs, (name, output) =>
                (name, output.GetTensorDataAsSpan<float>().ToArray(), output.GetTensorTypeAndShape().Shape))];
        }
        finally
        {
            foreach (var value in values.Values)
            {
                value.Dispose();
            }
        }
    }

    public void Dispose() => _session.Dispose();

    private int? Number(string key)
    {
        using var config = JsonDocument.Parse(File.ReadAllBytes(Package.FindFile("config.json")!));
        return config.RootElement.TryGetProperty(key, out var value)
            && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number)
            ? number
            : null;
    }
}
