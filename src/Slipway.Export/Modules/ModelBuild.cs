using Slipway.Export.Adapters;
using Slipway.Export.Configuration;
using Slipway.Export.Weights;
using Slipway.Onnx;

namespace Slipway.Export.Modules;

/// <summary>What all modules of a model that is being exported share.</summary>
internal sealed class ModelBuild(
    ConfigReader config, TensorSource tensors, WeightWriter writer, WeightFormat format, WeightFormat tableFormat,
    int contextLength)
{
    private readonly Dictionary<string, GraphWeight> _stored = new(StringComparer.Ordinal);
    private readonly WeightFormat _format = format;
    private readonly WeightWriter _writer = writer;

    public ConfigReader Config => config;

    /// <summary>The adapters between which requests choose; null for none.</summary>
    public SwitchedAdapters? Adapters { get; init; }

    public TensorSource Tensors => tensors;

    public WeightWriter Writer => _writer;

    /// <summary>The longest sequence in tokens.</summary>
    public int ContextLength => contextLength;

    /// <summary>Radians a position of each pair that turns, by the name of the table of cosines.</summary>
    public Dictionary<string, double[]> Frequencies { get; } = new(StringComparer.Ordinal);

    /// <summary>
    /// The longest sequence that has the first of two sets of rotary frequencies; null where there is one set.
    /// </summary>
    public int? LongRopeThreshold { get; set; }

    /// <summary>A matrix in the package, written when it is first asked for.</summary>
    public GraphWeight Store(string name, Func<Weight> read) => Store(name, _format, read);

    /// <summary>A table in the package, in the matrices' format where that can be looked up.</summary>
    public GraphWeight StoreTable(string name, int columns, Func<Weight> read)
    {
        var asMatrix = _format.CanGather(columns);
        return Store(asMatrix ? name : $"{name}.table", asMatrix ? _format : tableFormat, read);
    }

    /// <summary>A small matrix on which much depends, in single precision whatever the others are stored in.</summary>
    public GraphWeight StoreExact(string name, Func<Weight> read) =>
        Store(name, new FloatFormat(ElementType.Float32), read);

    /// <summary>Pairs of stacks, [count, inner, outer] and [count, outer, inner], in one format.</summary>
    public (GraphStack First, GraphStack Second) StoreStacks(
        (string Name, Weight Weight) first, (string Name, Weight Weight) second, int count)
    {
        var chosen = _format.ForStacks(first.Weight.Columns, second.Weight.Columns);
        return (
            chosen.WriteStack(_writer, first.Name, first.Weight, count),
            chosen.WriteStack(_writer, second.Name, second.Weight, count));
    }

    /// <summary>A stack of matrices as floats, [count, rows, columns].</summary>
    public GraphValue StoreFloats(string name, Weight weight, int count) =>
        ((FloatStack)tableFormat.WriteStack(_writer, name, weight, count)).Weight;

    private GraphWeight Store(string name, WeightFormat chosen, Func<Weight> read)
    {
        if (!_stored.TryGetValue(name, out var matrix))
        {
            var weight = read();
            matrix = chosen.Write(_writer, name, weight);
            matrix = Adapters?.Wrap(name, matrix, weight, _writer.Graph) ?? matrix;
            _stored.Add(name, matrix);
        }

        return matrix;
    }
}
