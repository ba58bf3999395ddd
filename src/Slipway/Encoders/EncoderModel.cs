using Microsoft.ML.OnnxRuntime;
using Slipway.Engine.Cache;
using Slipway.Engine.Execution;
using Slipway.Packaging;

namespace Slipway.Encoders;

/// <summary>Runs the graph of an encoder over token ids.</summary>
internal sealed class EncoderModel : IDisposable
{
    private readonly InferenceSession _session;
    private readonly MemoryShare? _share;

    private EncoderModel(EncoderPackage package, InferenceSession session, MemoryShare? share)
    {
        (Package, _session, _share) = (package, session, share);
        Files = new PackageFiles(package);
        VocabularySize = Files.Number("config.json", "vocab_size");
        PadId = Files.Number("config.json", "pad_token_id") is >= 0 and var id ? id : 0;
    }

    public EncoderPackage Package { get; }

    /// <summary>The settings in the package.</summary>
    public PackageFiles Files { get; }

    /// <summary>The names of the inputs that a run must be given, each int64 [batch, sequence].</summary>
    public IReadOnlyList<string> Inputs => _session.InputNames;

    /// <summary>The names of the inputs that a run may be given.</summary>
    public IReadOnlyList<string> OptionalInputs => [.. _session.OverridableInitializerMetadata.Keys];

    /// <summary>The names of the outputs.</summary>
    public IReadOnlyList<string> Outputs => _session.OutputNames;

    /// <summary>The number of tokens; null where the package's <c>config.json</c> does not say.</summary>
    public int? VocabularySize { get; }

    /// <summary>The token that fills up shorter texts of a batch.</summary>
    public int PadId { get; }

    /// <summary>Opens a package.</summary>
    /// <exception cref="PackageException">A file is missing, altered or malformed.</exception>
    /// <exception cref="MemoryBudgetException">The budget has no room for the weights.</exception>
    public static EncoderModel Load(string folder, LanguageModelOptions? options = null)
    {
        var package = EncoderPackage.Open(folder);
        var share = options?.MemoryBudget is { IncludesWeights: true } budget
            ? budget.Join(FreeMemory.Bytes(), WeightFiles.BytesOf(package.ModelPath)) : null;
        InferenceSession? session = null;
        try
        {
            session = ModelSession.Open(package.ModelPath, options ?? new LanguageModelOptions()).Session;
            return new EncoderModel(package, session, share);
        }
        catch
        {
            session?.Dispose();
            share?.Dispose();
            throw;
        }
    }

    /// <summary>The shape of an output, −1 where it varies; empty where there is no such output.</summary>
    public int[] Shape(string output) => _session.OutputMetadata.GetValueOrDefault(output)?.Dimensions ?? [];

    /// <summary>Runs the graph once and tells every output.</summary>
    /// <param name="inputs">Numbers and shape of each input, by name.</param>
    /// <returns>Every output of the graph, by name, with its shape.</returns>
    public IReadOnlyList<(string Name, float[] Values, long[] Shape)> Run(
        IReadOnlyDictionary<string, (long[] Values, long[] Shape)> inputs)
    {
        List<(string, float[], long[])> results = [];
        Run(inputs, Outputs, (name, values, shape) => results.Add((name, values.ToArray(), shape)), default);
        return results;
    }

    /// <summary>Runs the graph once for one output.</summary>
    /// <param name="inputs">Numbers and shape of each input, by name.</param>
    /// <param name="outputs">The outputs to compute.</param>
    /// <param name="read">Takes each output, which is valid during the call only.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    public void Run(
        IReadOnlyDictionary<string, (long[] Values, long[] Shape)> inputs, IReadOnlyList<string> outputs,
        ReadOutput read, CancellationToken cancellationToken)
    {
        var values = inputs.ToDictionary(
            input => input.Key, input => OrtValue.CreateTensorValueFromMemory(input.Value.Values, input.Value.Shape));
        try
        {
            using var options = new RunOptions();
            using var registration = cancellationToken.Register(() => options.Terminate = true);
            using var results = _session.Run(options, values, outputs);
            for (var i = 0; i < outputs.Count; i++)
            {
                read(outputs[i], results[i].GetTensorDataAsSpan<float>(), results[i].GetTensorTypeAndShape().Shape);
            }
        }
        catch (OnnxRuntimeException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        finally
        {
            foreach (var value in values.Values)
            {
                value.Dispose();
            }
        }
    }

    public void Dispose()
    {
        _session.Dispose();
        _share?.Dispose();
    }
}

/// <summary>Takes an output of a graph.</summary>
/// <param name="name">Its name.</param>
/// <param name="values">Its numbers, row-major.</param>
/// <param name="shape">Its shape.</param>
internal delegate void ReadOutput(string name, ReadOnlySpan<float> values, long[] shape);
