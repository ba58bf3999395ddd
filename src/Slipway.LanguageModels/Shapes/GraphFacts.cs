using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Slipway.Onnx;

namespace Slipway.LanguageModels.Shapes;

/// <summary>Facts of a value of a traced graph.</summary>
internal sealed class ValueFacts
{
    /// <summary>The type of the elements.</summary>
    public required TensorElementType Type { get; init; }

    /// <summary>The sizes in each run.</summary>
    public required long[][] Shapes { get; init; }

    /// <summary>Tells whether ids decide the elements, not only how many there are.</summary>
    public required bool DependsOnIds { get; init; }

    /// <summary>The axes; null for one that is no product of batch, positions and a number.</summary>
    public Axis?[] Axes { get; set; } = [];

    /// <summary>The elements of a short list of integers, as expressions of sizes; null for others.</summary>
    public SizeForm[]? Integers { get; init; }

    public int Rank => Shapes[0].Length;

    public bool HasTime => Axes.Any(axis => axis is null || axis.HasTime);

    /// <summary>Tells whether all axes are known.</summary>
    public bool IsKnown => Axes.All(axis => axis is not null);

    /// <summary>The first axis of positions, which is that of queries; −1 without one.</summary>
    public int FirstTime => Array.FindIndex(Axes, axis => axis is { HasTime: true });

    public bool HasBatch => Axes.Any(axis => axis is { HasBatch: true });
}

/// <summary>Runs a traced graph of ids and logits at several sizes and finds out what its axes are.</summary>
internal sealed class GraphFacts
{
    private const int MaxIntegers = 8;
    private static readonly (long Batch, long Time)[] Runs = [(2, 3), (3, 5), (5, 7), (4, 6)];

    private readonly Dictionary<string, ValueFacts> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Node> _makers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _uses = new(StringComparer.Ordinal);

    private GraphFacts(OnnxModel model, string folder, string ids)
    {
        (Model, Folder, Ids) = (model, folder, ids);
        foreach (var node in model.Graph.Nodes)
        {
            foreach (var output in node.Outputs.Where(output => output.Length > 0))
            {
                _makers[output] = node;
            }

            foreach (var input in node.Inputs.Where(input => input.Length > 0))
            {
                _uses[input] = _uses.GetValueOrDefault(input) + 1;
            }
        }
    }

    public OnnxModel Model { get; }

    public Graph Graph => Model.Graph;

    /// <summary>The folder in which the graph's constants stand.</summary>
    public string Folder { get; }

    /// <summary>The input.</summary>
    public string Ids { get; }

    public ValueFacts this[string value] => _values[value];

    /// <summary>The node that computes a value; null for inputs and constants.</summary>
    public Node? Maker(string value) => _makers.GetValueOrDefault(value);

    /// <summary>Counts the inputs of nodes that read a value.</summary>
    public int Uses(string value) => _uses.GetValueOrDefault(value);

    /// <summary>Runs and reads.</summary>
    /// <param name="model">The graph.</param>
    /// <param name="folder">The folder in which its constants stand.</param>
    public static GraphFacts Read(OnnxModel model, string folder)
    {
        GraphFacts facts = new(model, folder, model.Graph.Inputs[0].Name);
        facts.Measure();
        foreach (var node in model.Graph.Nodes)
        {
            AxisRules.Follow(node, facts);
        }

        return facts;
    }

    private void Measure()
    {
        string[] names = [.. Graph.Nodes.SelectMany(node => node.Outputs).Where(name => name.Length > 0)];
        var shapes = names.ToDictionary(name => name, _ => new long[Runs.Length][], StringComparer.Ordinal);
        var integers = new Dictionary<string, long[][]>(StringComparer.Ordinal);
        var types = new Dictionary<string, TensorElementType>(StringComparer.Ordinal);
        using (GraphSession session = new(
            Model with { Graph = GraphPart.Take(Graph, [], names) }, Folder))
        {
            for (var run = 0; run < Runs.Length; run++)
            {
                var (batch, time) = Runs[run];
                using var results = session.Run(
                    new Dictionary<string, Numbers>
                    {
                        [Ids] = Numbers.Of([.. Enumerable.Range(0, (int)(batch * time)).Select(id => id % 2L)],
                            batch, time),
                    },
                    names);
                for (var index = 0; index < names.Length; index++)
                {
                    var info = results[index].GetTensorTypeAndShape();
                    (types[names[index]], shapes[names[index]][run]) = (info.ElementDataType, info.Shape);
                    if (Integers(results[index], info) is { } list)
                    {
                        if (run == 0)
                        {
                            integers[names[index]] = new long[Runs.Length][];
                        }

                        if (integers.TryGetValue(names[index], out var all))
                        {
                            all[run] = list;
                        }
                    }
                }
            }
        }

        Store(types, shapes, integers);
    }

    private static long[]? Integers(OrtValue value, OrtTensorTypeAndShapeInfo info) => info switch
    {
        { Shape.Length: > 1 } or { ElementCount: > MaxIntegers } => null,
        { ElementDataType: TensorElementType.Int64 } => value.GetTensorDataAsSpan<long>().ToArray(),
        _ => null,
    };

    private void Store(
        Dictionary<string, TensorElementType> types, Dictionary<string, long[][]> shapes,
        Dictionary<string, long[][]> integers)
    {
        long[][] idShape = [.. Runs.Select(run => (long[])[run.Batch, run.Time])];
        _values[Ids] = new ValueFacts
        {
            Type = TensorElementType.Int64, Shapes = idShape, DependsOnIds = true, Axes = [Axis.Batch, Axis.Time],
        };
        foreach (var constant in Graph.Initializers)
        {
            _values[constant.Name] = new ValueFacts
            {
                Type = (TensorElementType)constant.Type, DependsOnIds = false,
                Shapes = [.. Runs.Select(_ => constant.Shape.ToArray())],
                Axes = [.. constant.Shape.Select(Axis.Fixed)], Integers = Constant(constant),
            };
        }

        foreach (var node in Graph.Nodes)
        {
            var depends = node.OpType != "Shape"
                && node.Inputs.Any(input => input.Length > 0 && _values[input].DependsOnIds);
            foreach (var output in node.Outputs.Where(output => output.Length > 0))
            {
                var all = shapes[output];
                _values[output] = new ValueFacts
                {
                    Type = types[output], Shapes = all, DependsOnIds = depends,
                    Axes = [.. all[0].Select((_, axis) => Simple([.. all.Select(shape => shape[axis])]))],
                    Integers = depends || !integers.TryGetValue(output, out var lists)
                        || lists.Any(list => list is null || list.Length != lists[0].Length) ? null : Forms(lists),
                };
            }
        }
    }

    private static SizeForm[]? Constant(Initializer constant)
    {
        if (constant is not { Type: ElementType.Int64, Data: TensorData.Inline inline, Shape.Count: < 2 }
            || inline.Length > MaxIntegers * sizeof(long))
        {
            return null;
        }

        var list = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(inline.Bytes.Span);
        return [.. list.ToArray().Select(value => new SizeForm(value, 0, 0, 0))];
    }

    private static SizeForm[]? Forms(long[][] lists)
    {
        var forms = lists[0]
            .Select((_, index) => SizeForm.Find([.. lists.Select(list => list[index])], Runs)).ToArray();
        return Array.TrueForAll(forms, form => form is not null) ? [.. forms.Select(form => form!.Value)] : null;
    }

    // The order of several factors follows from what an axis was joined from.
    private static Axis? Simple(long[] sizes) => SizeForm.Find(sizes, Runs) switch
    {
        { IsFixed: true } form => Axis.Fixed(form.Value),
        { Factor: 1, Batch: 1, Time: 0, Offset: 0 } => Axis.Batch,
        { Factor: 1, Batch: 0, Time: 1, Offset: 0 } => Axis.Time,
        { Factor: 1, Batch: 0, Time: 1 } form => new Axis([Factor.Longer(form.Offset)]),
        _ => null,
    };

    /// <summary>The sizes of a factor over the runs.</summary>
    public static long[] SizesOf(Factor factor) => factor.Kind switch
    {
        FactorKind.Batch => [.. Runs.Select(run => run.Batch)],
        FactorKind.Time => [.. Runs.Select(run => run.Time)],
        FactorKind.Longer => [.. Runs.Select(run => run.Time + factor.Size)],
        _ => [.. Runs.Select(_ => factor.Size)],
    };
}
