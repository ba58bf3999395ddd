using Slipway.Onnx;
using Slipway.Tracing.Graphs;
using Slipway.Tracing.Recording;
using TorchSharp;

namespace Slipway.Tracing;

/// <summary>A call of an operation that is to become nodes of a graph.</summary>
/// <remarks>
/// Arguments are asked for by the names of the member's parameters, the object itself by <c>this</c>; of several names
/// the first that the overload has counts.
/// </remarks>
public sealed class OperationCall
{
    private readonly GraphBuilder _builder;
    private readonly IReadOnlyList<TracedCall> _runs;
    private readonly Dictionary<string, int> _positions = new(StringComparer.Ordinal);

    internal OperationCall(GraphBuilder builder, IReadOnlyList<TracedCall> runs, NodeScope scope)
    {
        _builder = builder;
        _runs = runs;
        Scope = scope;
        var callee = runs[0].Site.Callee;
        var parameters = callee.GetParameters();
        var first = runs[0].Arguments.Length - parameters.Length;
        for (var index = 0; index < parameters.Length; index++)
        {
            _positions[parameters[index].Name!] = first + index;
        }

        if (first > 0)
        {
            _positions["this"] = 0;
        }

        Results = [.. runs[0].Results.Select(value => new TracedTensor(builder, value))];
    }

    /// <summary>The place of the nodes.</summary>
    public NodeScope Scope { get; }

    /// <summary>The member's name.</summary>
    public string Name => _runs[0].Name;

    /// <summary>The tensors that the call gave: their types and shapes; the nodes are what the emitter adds.</summary>
    public IReadOnlyList<TracedTensor> Results { get; }

    /// <summary>The type of the first result.</summary>
    public ElementType Type => Results[0].Type;

    internal object? Object => _runs[0].Arguments[0];

    internal GraphBuilder Builder => _builder;

    /// <summary>Tells whether an argument was given and is not null.</summary>
    public bool Has(string name)
        => _positions.TryGetValue(name, out var index) && _runs[0].Arguments[index] is not null;

    /// <summary>A tensor.</summary>
    public TracedTensor Tensor(params IReadOnlyList<string> names)
        => FindTensor(names) ?? throw Missing(string.Join("' or '", names));

    /// <summary>A tensor, or null where none was given.</summary>
    public TracedTensor? FindTensor(params IReadOnlyList<string> names)
        => names.Select(Argument).OfType<TracedValue>().FirstOrDefault() is { } value
            ? new TracedTensor(_builder, value) : null;

    /// <summary>A list of tensors; empty where none was given.</summary>
    public IReadOnlyList<TracedTensor> Tensors(params IReadOnlyList<string> names)
        => [.. (names.Select(Argument).OfType<TracedValue[]>().FirstOrDefault() ?? [])
            .Select(value => new TracedTensor(_builder, value))];

    /// <summary>An integer, which may vary with the sizes of inputs; null where none was given.</summary>
    public TracedSize? FindSize(params IReadOnlyList<string> names)
    {
        foreach (var name in names)
        {
            switch (Argument(name))
            {
                case long:
                    return new TracedSize([.. Every(name).Select(value => (long)value!)]);
                case double:
                    return new TracedSize([.. Every(name).Select(value => (long)(double)value!)]);
                case TracedScalar { Type: torch.ScalarType.Int64 or torch.ScalarType.Bool }:
                    return new TracedSize([.. Every(name).Select(value => (long)((TracedScalar)value!).Value)]);
                case long[] { Length: 1 }:
                    return new TracedSize([.. Every(name).Select(value => ((long[])value!)[0])]);
            }
        }

        return null;
    }

    /// <summary>Integers, which may vary with the sizes of inputs; one counts as a list; null for none.</summary>
    public IReadOnlyList<TracedSize>? FindSizes(params IReadOnlyList<string> names)
    {
        foreach (var name in names)
        {
            if (Argument(name) is long[] list)
            {
                long[][] all = [.. Every(name).Select(value => (long[])value!)];
                return [.. list.Select((_, index) => new TracedSize([.. all.Select(run => run[index])]))];
            }
        }

        return FindSize(names) is { } one ? [one] : null;
    }

    /// <summary>An integer that must be the same in every run.</summary>
    public long Int(string name, long? fallback = null)
        => FindSize(name) is { } size ? Fixed(size, name) : fallback ?? throw Missing(name);

    /// <summary>Integers that must be the same in every run; null where none were given.</summary>
    public long[]? FindInts(params IReadOnlyList<string> names)
        => FindSizes(names) is { } sizes ? [.. sizes.Select(size => Fixed(size, names[0]))] : null;

    /// <summary>A truth value.</summary>
    public bool Flag(string name, bool fallback = false) => Argument(name) as bool? ?? fallback;

    /// <summary>A text; null where none was given.</summary>
    public string? Text(string name) => Argument(name)?.ToString();

    /// <summary>A number that must be the same in every run.</summary>
    public double Number(string name, double? fallback = null)
    {
        if (!Has(name))
        {
            return fallback ?? throw Missing(name);
        }

        double[] runs = [.. Every(name).Select(ToDouble)];
        return Array.TrueForAll(runs, value => value.Equals(runs[0])) ? runs[0] : throw Refused(
            $"The argument '{name}' of '{Name}' varies with the sizes of inputs, which a graph cannot express there. "
            + "Make it a constant.");
    }

    /// <summary>Numbers; null where none were given.</summary>
    public double[]? FindNumbers(string name) => Argument(name) switch
    {
        double[] numbers => numbers,
        long[] numbers => Array.ConvertAll(numbers, number => (double)number),
        double number => [number],
        _ => null,
    };

    /// <summary>Tells whether an argument is a number that is not an integer by its type.</summary>
    public bool IsReal(string name) => Argument(name) is double or TracedScalar { Type: torch.ScalarType.Float64 };

    /// <summary>Adds a number as a scalar of a type; it may vary with the sizes of inputs.</summary>
    public GraphValue Scalar(string name, ElementType type)
        => _builder.Scalar(Scope, [.. Every(name).Select(ToDouble)], type);

    /// <summary>Adds a number that is the same in every run, as a scalar.</summary>
    public GraphValue Constant(double value, ElementType type) => _builder.Constant(value, type);

    /// <summary>Adds a node with one output.</summary>
    public GraphValue Node(
        string operation, IReadOnlyList<GraphValue> inputs, params IReadOnlyList<NodeAttribute> attributes)
        => Scope.AddNode(OnnxModel.StandardDomain, operation, inputs, attributes);

    /// <summary>Adds a node with several outputs.</summary>
    public IReadOnlyList<GraphValue> Nodes(
        string operation, IReadOnlyList<GraphValue> inputs, int outputs, params IReadOnlyList<NodeAttribute> attributes)
        => Scope.AddNode(
            OnnxModel.StandardDomain, operation, inputs,
            [.. Enumerable.Range(0, outputs).Select(index => $"output_{index}")], attributes);

    /// <summary>Adds integers, int64 [count].</summary>
    public GraphValue Ints(params IReadOnlyList<TracedSize> sizes) => _builder.Emit(this, sizes);

    /// <summary>Adds integers, int64 [count].</summary>
    public GraphValue Ints(params ReadOnlySpan<long> values) => Scope.Ints(values);

    /// <summary>A value in another type; the same value where it has that type.</summary>
    public GraphValue Cast(TracedTensor tensor, ElementType type)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return Cast(tensor.Value, tensor.Type, type);
    }

    /// <summary>A value in another type; the same value where it has that type.</summary>
    public GraphValue Cast(GraphValue value, ElementType from, ElementType to)
        => from == to ? value : Node("Cast", [value], new NodeAttribute.Int("to", (long)to));

    /// <summary>Makes an exception that names the place of the call.</summary>
    public UntraceableModuleException Refused(string reason) => UntraceableModuleException.At(_runs[0].Place, reason);

    internal object? Argument(string name)
        => _positions.TryGetValue(name, out var index) ? _runs[0].Arguments[index] : null;

    internal object? ArgumentAt(int index) => _runs[0].Arguments[index];

    // The call that an argument is, as a call of its own.
    internal OperationCall Nested(int index)
        => new(_builder, [.. _runs.Select(run => (TracedCall)run.Arguments[index]!)], Scope);

    internal IReadOnlyList<GraphValue> Emit() => _runs[0].Operation!.Emit!(this);

    internal IEnumerable<object?> Every(string name) => _runs.Select(run => run.Arguments[_positions[name]]);

    internal TracedTensor Wrap(TracedValue value) => new(_builder, value);

    private static double ToDouble(object? value) => value switch
    {
        TracedScalar scalar => scalar.Value,
        long number => number,
        bool flag => flag ? 1 : 0,
        double number => number,
        _ => throw new ArgumentException($"'{value}' is no number."),
    };

    private long Fixed(TracedSize size, string name) => size.IsFixed ? size.Value : throw Refused(
        $"The argument '{name}' of '{Name}' varies with the sizes of inputs ({size}), which a graph cannot express "
        + "there. Make it a constant, or fix the axis.");

    private ArgumentException Missing(string name)
        => new($"The call of '{Name}' has no argument '{name}'; it has '{string.Join("', '", _positions.Keys)}'.");
}

/// <summary>A tensor of a module that is to become a value of a graph.</summary>
public sealed class TracedTensor
{
    private readonly GraphBuilder _builder;

    internal TracedTensor(GraphBuilder builder, TracedValue inner)
    {
        _builder = builder;
        Inner = inner;
        Shape = builder.Shape(inner);
    }

    /// <summary>The value in the graph; added as a constant where it has none yet.</summary>
    public GraphValue Value => _builder.Value(Inner);

    /// <summary>The type of the elements.</summary>
    public ElementType Type => ElementTypes.Of(Inner.Type);

    /// <summary>The sizes.</summary>
    public IReadOnlyList<TracedSize> Shape { get; }

    /// <summary>The number of axes.</summary>
    public int Rank => Shape.Count;

    /// <summary>Tells whether no input decides the elements.</summary>
    public bool IsConstant => _builder.IsFoldable(Inner);

    internal TracedValue Inner { get; }

    /// <summary>The index of an axis that may be counted from the end.</summary>
    public int Axis(long axis) => (int)(axis < 0 ? axis + Math.Max(Rank, 1) : axis);
}
