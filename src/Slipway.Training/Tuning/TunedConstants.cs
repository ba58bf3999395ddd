using Slipway.Onnx;
using Slipway.Training.Graphs;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Tuning;

/// <summary>Holds the constants of a graph that are tuned: each is its stored value times exp(t).</summary>
/// <remarks>
/// Scales and minima of quantized matrices and weights of norms, as far as they lie in a data file. Tensors belong to
/// this.
/// </remarks>
internal sealed class TunedConstants : IDisposable
{
    private readonly List<Entry> _entries = [];

    /// <exception cref="NotSupportedException">The graph has no quantized matrix.</exception>
    public TunedConstants(GraphModel model)
    {
        var graph = model.Graph;
        var sources = graph.Nodes
            .Where(node => node.OpType == "Cast" && graph.FindInitializer(node.Inputs[0]) is not null)
            .ToDictionary(node => node.Outputs[0], node => node.Inputs[0], StringComparer.Ordinal);
        string Source(string name) => sources.GetValueOrDefault(name, name);
        HashSet<string> scales = new(StringComparer.Ordinal), norms = new(StringComparer.Ordinal);
        foreach (var node in graph.Nodes)
        {
            var (names, index) = node.OpType switch
            {
                "MatMulNBits" or "GatherBlockQuantized" => (scales, 2),
                "SimplifiedLayerNormalization" or "LayerNormalization" => (norms, 1),
                "SkipSimplifiedLayerNormalization" => (norms, 2),
                _ => (null, 0),
            };
            names?.Add(Source(node.Inputs[index]));
        }

        if (scales.Count == 0)
        {
            throw new NotSupportedException(
                $"The graph '{graph.Name}' has no quantized matrix whose scales could be tuned. Export it to int4 or "
                + "int8.");
        }

        foreach (var name in scales.Concat(norms).Concat(MinimaOf(graph, scales, Source))
            .Where(name => graph.FindInitializer(name)?.Data is TensorData.External))
        {
            _entries.Add(new Entry(name, model.Constants[name].to(ScalarType.Float32)));
        }

        foreach (var entry in _entries)
        {
            model.OverrideWith(entry.Name, entry.Value);
        }
    }

    // Minima of blocks are added to a multiple of their scales.
    private static IEnumerable<string> MinimaOf(Graph graph, HashSet<string> scales, Func<string, string> source)
    {
        HashSet<string> multiples =
        [
            .. graph.Nodes.Where(node => node.OpType == "Mul" && scales.Contains(source(node.Inputs[0])))
                .Select(node => node.Outputs[0]),
        ];
        return graph.Nodes.Where(node => node.OpType == "Add" && multiples.Contains(node.Inputs[1]))
            .Select(node => source(node.Inputs[0])).Distinct();
    }

    /// <summary>The parameters t, by the constants' names.</summary>
    public IReadOnlyCollection<(string Name, Parameter Weight)> Parameters =>
        [.. _entries.Select(entry => (entry.Name, entry.Factor))];

    /// <summary>The kept parameters, by the constants' names.</summary>
    public IEnumerable<(string Name, Tensor Value)> Best => _entries.Select(entry => (entry.Name, entry.Best));

    /// <summary>Keeps the parameters as they are now.</summary>
    public void KeepBest()
    {
        using var untracked = no_grad();
        foreach (var entry in _entries)
        {
            entry.Best.copy_(entry.Factor);
        }
    }

    /// <summary>The values that the kept parameters give, by the constants' names.</summary>
    public IReadOnlyDictionary<string, float[]> BestValues()
    {
        using var untracked = no_grad();
        using var scope = NewDisposeScope();
        return _entries.ToDictionary(
            entry => entry.Name, entry => (entry.Start * entry.Best.exp()).data<float>().ToArray(),
            StringComparer.Ordinal);
    }

    public void Dispose() => _entries.ForEach(entry => entry.Dispose());

    private sealed class Entry : IDisposable
    {
        public Entry(string name, Tensor start)
        {
            Name = name;
            Start = start.clone().DetachFromDisposeScope();
            Factor = new Parameter(zeros_like(Start).DetachFromDisposeScope());
            Best = zeros_like(Start).DetachFromDisposeScope();
        }

        public string Name { get; }

        public Tensor Start { get; }

        public Parameter Factor { get; }

        public Tensor Best { get; }

        public Tensor Value() => Start * Factor.exp();

        public void Dispose()
        {
            Start.Dispose();
            Factor.Dispose();
            Best.Dispose();
        }
    }
}
