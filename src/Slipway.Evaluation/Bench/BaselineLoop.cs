using System.Diagnostics;
using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Slipway.Engine.Cache;
using Slipway.Engine.Execution;
using Slipway.Packaging;

namespace Slipway.Evaluation.Bench;

/// <summary>Generates as one would by hand: one run a token, one sequence, logits at every position.</summary>
/// <remarks>Keys and values are bound once. What else runs on the session's threads must be idle meanwhile.</remarks>
internal sealed class BaselineLoop : IDisposable
{
    private readonly InferenceSession _session;
    private readonly InferenceSession? _own;
    private readonly DecoderGraph _graph;
    private readonly RunOptions _runOptions = new();

    private BaselineLoop(InferenceSession session, DecoderGraph graph, InferenceSession? own)
        => (_session, _graph, _own) = (session, graph, own);

    /// <summary>
    /// Prepares the loop over a package, or over the model's own, in its session where that has no kernels.
    /// </summary>
    /// <exception cref="PackageException">The package is damaged.</exception>
    public static BaselineLoop Open(LanguageModel model, string? packageFolder, LanguageModelOptions options)
    {
        if (packageFolder is null && KernelVariant.PathOf(model.Package, options) is null
            && model is { Graph: { } opened, ExecutionProvider: "cpu" })
        {
            return new BaselineLoop(opened.Session, opened.Graph, null);
        }

        var package = ModelPackage.Open(packageFolder ?? model.Package.Path);

        // As one would open it by hand, on the processor: nothing moves its weights.
        var session = ModelSession.Open(package, options with
        {
            UseLargePages = false, UseKernels = false, ExecutionProviders = ["cpu"], ExecutionProviderOptions = null,
        }).Session;
        try
        {
            return new BaselineLoop(session, DecoderGraph.Read(session, package), session);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Generates greedily and tells when each token came.</summary>
    /// <param name="prompt">The prompt's ids.</param>
    /// <param name="newTokens">Tokens to generate.</param>
    /// <param name="generated">Takes the tokens.</param>
    /// <param name="cancellationToken">Stops between two tokens.</param>
    public BenchSample Run(int[] prompt, int newTokens, List<int> generated, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var times = new List<long>(newTokens);
        using var binding = _session.CreateIoBinding();
        var capacity = prompt.Length + newTokens;
        var cache = _graph.Cache.Select(tensor => Bind(binding, tensor, capacity)).ToArray();
        try
        {
            var ids = prompt;
            for (var length = prompt.Length; times.Count < newTokens; length++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                ids = [Step(binding, ids, length)];
                generated.Add(ids[0]);
                times.Add(Stopwatch.GetTimestamp());
            }
        }
        finally
        {
            Array.ForEach(cache, value => value.Dispose());
        }

        return new BenchSample(prompt.Length, started, [times]);
    }

    public void Dispose()
    {
        _runOptions.Dispose();
        _own?.Dispose();
    }

    private int Step(OrtIoBinding binding, int[] ids, int length)
    {
        var mask = new long[length];
        mask.AsSpan().Fill(1);
        using var idValue = OrtValue.CreateTensorValueFromMemory(
            Array.ConvertAll(ids, id => (long)id), [1, ids.Length]);
        using var maskValue = OrtValue.CreateTensorValueFromMemory(mask, [1, length]);
        using var positions = OrtValue.CreateTensorValueFromMemory(
            Enumerable.Range(length - ids.Length, ids.Length).Select(position => (long)position).ToArray(),
            [1, ids.Length]);
        binding.BindInput(_graph.InputIds, idValue);
        binding.BindInput(_graph.AttentionMask, maskValue);
        if (_graph.PositionIds is { } name)
        {
            binding.BindInput(name, positions);
        }

        binding.BindOutputToDevice(_graph.Logits, OrtMemoryInfo.DefaultInstance);
        _session.RunWithBinding(_runOptions, binding);
        using var outputs = binding.GetOutputValues();
        var logits = outputs[outputs.Count - 1];
        return _graph.LogitsType == Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float
            ? TensorPrimitives.IndexOfMax(logits.GetTensorDataAsSpan<float>()[^_graph.VocabularySize..])
            : TensorPrimitives.IndexOfMax<Half>(logits.GetTensorDataAsSpan<Half>()[^_graph.VocabularySize..]);
    }

    private static OrtValue Bind(OrtIoBinding binding, CacheTensor tensor, int capacity)
    {
        var value = OrtValue.CreateAllocatedTensorValue(
            OrtAllocator.DefaultInstance, tensor.Type, [1, tensor.Heads, tensor.LengthFor(capacity), tensor.Size]);
        binding.BindInput(tensor.Past, value);
        binding.BindOutput(tensor.Present, value);
        return value;
    }
}
