using System.Globalization;
using Slipway.Export.Adapters;
using Slipway.Export.Configuration;
using Slipway.Export.Weights;
using Slipway.Onnx;

namespace Slipway.Export.Modules;

/// <summary>A place in the model: its tensors' prefix and its nodes' path move together.</summary>
/// <remarks>
/// <c>scope["self_attn"]["q_proj"]</c> under <c>model.layers.0</c> is where the tensor
/// <c>model.layers.0.self_attn.q_proj.weight</c> is asked for and where the node
/// <c>/model/layers.0/self_attn/q_proj/MatMulNBits</c> goes.
/// </remarks>
internal sealed class ModuleScope : NodeScope
{
    private readonly ModelBuild _build;
    private readonly string _prefix;

    public ModuleScope(ModelBuild build)
        : this(build, "", "")
    {
    }

    private ModuleScope(ModelBuild build, string prefix, string path)
        : base(build.Writer.Graph, path) => (_build, _prefix) = (build, prefix);

    public ConfigReader Config => _build.Config;

    public ModelBuild Build => _build;

    /// <summary>A part of this module by its name, which may be a path with dots.</summary>
    public ModuleScope this[string name] =>
        new(_build, _prefix.Length == 0 ? name : $"{_prefix}.{name}", $"{Path}/{name.Replace('.', '/')}");

    /// <summary>A part of this list of modules.</summary>
    public ModuleScope this[int index] =>
        new(_build, $"{_prefix}.{Text(index)}", $"{Path}.{Text(index)}");

    /// <summary>The full name of a tensor of this module.</summary>
    public string NameOf(string tensor) => _prefix.Length == 0 ? tensor : $"{_prefix}.{tensor}";

    /// <summary>Tells whether the checkpoint has a tensor of this module.</summary>
    public bool Has(string tensor) => _build.Tensors.Has(NameOf(tensor));

    /// <summary>A matrix of this module, to be stored or transformed.</summary>
    public Weight Read(string tensor, int rows, int columns) => _build.Tensors.Matrix(NameOf(tensor), rows, columns);

    /// <summary>A tensor [count, rows, columns] of this module, as matrices one below the other.</summary>
    public Weight ReadStack(string tensor, int count, int rows, int columns) =>
        _build.Tensors.Stack(NameOf(tensor), count, rows, columns);

    /// <summary>Numbers of this module.</summary>
    public float[] ReadVector(string tensor, int count) => _build.Tensors.Vector(NameOf(tensor), count);

    /// <summary>Numbers of this module in any shape, row-major.</summary>
    public float[] ReadNumbers(string tensor, params long[] shape) => _build.Tensors.Numbers(NameOf(tensor), shape);

    /// <summary>A matrix of this module in the package; asked for twice it stands there once.</summary>
    public GraphWeight Matrix(string tensor, int rows, int columns) =>
        _build.Store(NameOf(tensor), () => Read(tensor, rows, columns));

    /// <summary>
    /// A matrix of this module in the package in single precision, whatever the others are stored in.
    /// </summary>
    public GraphWeight ExactMatrix(string tensor, int rows, int columns) =>
        _build.StoreExact(NameOf(tensor), () => Read(tensor, rows, columns));

    /// <summary>A matrix that was made of several tensors, under a name of this module.</summary>
    public GraphWeight Store(string name, Weight weight) => _build.Store(NameOf(name), () => weight);

    /// <summary>A table of rows of this module in the package.</summary>
    public GraphWeight Table(string tensor, int rows, int columns) =>
        _build.StoreTable(NameOf(tensor), columns, () => Read(tensor, rows, columns));

    /// <summary>Numbers of this module in the package, [count].</summary>
    public GraphValue Vector(string tensor, int count) => StoreVector(tensor, ReadVector(tensor, count));

    /// <summary>Numbers in the package under a name of this module, [count] or of another shape.</summary>
    public GraphValue StoreVector(string name, float[] values, params long[] shape)
    {
        _build.Writer.Advance(NameOf(name), values.Length);
        return _build.Writer.AddParts(
            NameOf(name), ElementType.Float32, shape.Length == 0 ? [values.Length] : shape, [values]);
    }

    private static string Text(int index) => index.ToString(CultureInfo.InvariantCulture);
}

/// <summary>State that all modules of a model share while it is exported.</summary>
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

    /// <summary>Names of matrices that the checkpoint holds as codes, whatever becomes of them.</summary>
    public List<string> Codes { get; } = [];

    /// <summary>The checkpoint's matrices by their names in the package.</summary>
    public Dictionary<string, Weight> Weights { get; } = new(StringComparer.Ordinal);

    /// <summary>Names of matrices that are never quantized.</summary>
    public HashSet<string> Exact { get; } = new(StringComparer.Ordinal);

    /// <summary>A matrix in the package, written when it is first asked for.</summary>
    public GraphWeight Store(string name, Func<Weight> read) => Store(name, _format, read, isLinear: true);

    /// <summary>A table in the package, in the matrices' format where that can be looked up.</summary>
    public GraphWeight StoreTable(string name, int columns, Func<Weight> read)
    {
        var asMatrix = _format.CanGather(columns);
        return Store(asMatrix ? name : $"{name}.table", asMatrix ? _format : tableFormat, read);
    }

    /// <summary>A small matrix on which much depends, in single precision whatever the others are stored in.</summary>
    public GraphWeight StoreExact(string name, Func<Weight> read)
    {
        Exact.Add(name);
        return Store(name, new FloatFormat(ElementType.Float32), read);
    }

    /// <summary>Pairs of stacks, [count, inner, outer] and [count, outer, inner], in one format.</summary>
    public (GraphStack First, GraphStack Second) StoreStacks(
        (string Name, Weight Weight) first, (string Name, Weight Weight) second, int count)
    {
        Note(first.Name, first.Weight);
        Note(second.Name, second.Weight);
        var chosen = _format.ForStacks(first.Weight, second.Weight);
        return (
            chosen.WriteStack(_writer, first.Name, first.Weight, count),
            chosen.WriteStack(_writer, second.Name, second.Weight, count));
    }

    /// <summary>A stack of matrices as floats, [count, rows, columns].</summary>
    public GraphValue StoreFloats(string name, Weight weight, int count) =>
        ((FloatStack)tableFormat.WriteStack(_writer, name, weight, count)).Weight;

    private void Note(string name, Weight weight)
    {
        Weights[name] = weight;
        if (_writer.IsQuantized(weight))
        {
            Codes.Add(name);
        }
    }

    private GraphWeight Store(string name, WeightFormat chosen, Func<Weight> read, bool isLinear = false)
    {
        if (!_stored.TryGetValue(name, out var matrix))
        {
            var weight = read();
            Note(name, weight);
            matrix = chosen.Write(_writer, name, weight);
            matrix = Adapters?.Wrap(name, matrix, weight, _writer.Graph, isLinear) ?? matrix;
            _stored.Add(name, matrix);
        }

        return matrix;
    }
}
