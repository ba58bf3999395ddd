using System.Globalization;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>The inputs of a decoder graph, and the cache of keys and values that passes through it.</summary>
internal sealed class DecoderInputs
{
    private const string Batch = "batch";
    private readonly Graph _graph;
    private readonly WholeTexts? _texts;
    private GraphValue _positions, _plannedLength;
    private readonly List<(GraphValue Value, Dimension[] Shape)> _presents = [];
    private readonly Dictionary<string, GraphValue> _made = new(StringComparer.Ordinal);

    /// <param name="graph">The graph.</param>
    public DecoderInputs(Graph graph)
    {
        _graph = graph;
        Ids = graph.AddInput("input_ids", ElementType.Int64, Batch, "sequence");
        var mask = graph.AddInput("attention_mask", ElementType.Int64, Batch, "total");
        NodeScope scope = new(graph, "/attention_mask");
        var lengths = scope.ReduceSum(mask, keep: false, 1);
        LastPositions = scope.Cast(scope.Sub(lengths, scope.Int(1)), ElementType.Int32);
        TotalLength = scope.Cast(scope.Gather(scope.Shape(mask), scope.Int(1)), ElementType.Int32);
        Kept = graph.AddOptionalInput(
            new Initializer("logits_to_keep", ElementType.Int64, [1], new TensorData.Inline(new byte[sizeof(long)])));
    }

    /// <summary>Runs over whole texts, of which nothing is kept for later steps.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="texts">The texts, and which tokens of them see which.</param>
    public DecoderInputs(Graph graph, WholeTexts texts)
    {
        (_graph, _texts) = (graph, texts);
        Ids = texts.Inputs.Ids;
        NodeScope scope = new(graph, "/whole_texts");
        TotalLength = scope.Cast(texts.Inputs.Length, ElementType.Int32);
        LastPositions = scope.Expand(
            scope.Sub(TotalLength, scope.Cast(scope.Int(1), ElementType.Int32)),
            scope.Reshape(scope.Gather(scope.Shape(Ids), scope.Int(0)), 1));
        Kept = scope.Ints(0);
    }

    /// <summary>Tells whether whole texts are run, without a cache.</summary>
    public bool IsWhole => _texts is not null;

    /// <summary>int64 [batch, sequence].</summary>
    public GraphValue Ids { get; }

    /// <summary>int32 [batch]: the length of each row − 1.</summary>
    public GraphValue LastPositions { get; }

    /// <summary>int64 [batch]: the length of each row, without padding where whole texts are run.</summary>
    public GraphValue Lengths(NodeScope scope) => _texts is null
        ? scope.Add(scope.Cast(LastPositions, ElementType.Int64), scope.Int(1))
        : scope.ReduceSum(_texts.Inputs.Mask, keep: false, 1);

    /// <summary>int32 scalar: the length of the longest row.</summary>
    public GraphValue TotalLength { get; }

    /// <summary>
    /// int64 [batch, sequence]: the position of each new token, for models whose layers look positions up.
    /// </summary>
    /// <remarks>
    /// A row's new tokens are its last ones; in a first step, shorter rows are filled up behind.
    /// </remarks>
    public GraphValue Positions
    {
        get
        {
            if (_positions == default)
            {
                NodeScope scope = new(_graph, "/positions");
                var count = scope.Gather(scope.Shape(Ids), scope.Int(1));
                var lengths = scope.Add(scope.Cast(LastPositions, ElementType.Int64), scope.Int(1));
                var first = scope.Max(scope.Sub(lengths, count), scope.Int(0));
                _positions = scope.Add(
                    scope.Reshape(first, -1, 1), scope.Range(scope.Int(0), count, scope.Int(1)));
            }

            return _positions;
        }
    }

    /// <summary>int64 [1]: how long a sequence will be whose prompt runs in parts; 0 where that is not known.</summary>
    public GraphValue PlannedLength
    {
        get
        {
            if (IsWhole)
            {
                return Kept;
            }

            if (_plannedLength == default)
            {
                _plannedLength = _graph.AddOptionalInput(new Initializer(
                    "planned_length", ElementType.Int64, [1], new TensorData.Inline(new byte[sizeof(long)])));
            }

            return _plannedLength;
        }
    }

    /// <summary>int64 [1]: how many of the last positions get logits; 0 is all.</summary>
    public GraphValue Kept { get; }

    /// <summary>A value that layers share, made when the first one asks for it.</summary>
    public GraphValue Once(string name, Func<GraphValue> make)
    {
        if (!_made.TryGetValue(name, out var value))
        {
            value = make();
            _made.Add(name, value);
        }

        return value;
    }

    /// <summary>Adds to a bias of scores what keeps tokens of whole texts from seeing others.</summary>
    /// <param name="scope">Where the nodes go.</param>
    /// <param name="bias">The bias of scores, or default for none.</param>
    /// <param name="window">The layer's window; null for none.</param>
    /// <returns>[batch, 1 or heads, sequence, sequence].</returns>
    public GraphValue HideUnseen(ModuleScope scope, GraphValue bias, int? window)
    {
        var hidden = Once($"unseen {window}", () => _texts!.Unseen(_graph, window));
        return bias == default ? hidden : scope.Add(bias, hidden);
    }

    /// <summary>Declares the keys and values that a layer finds from earlier steps.</summary>
    public (GraphValue Key, GraphValue Value) Past(int layer, int heads, int size) =>
        (AddPast(layer, "key", heads, size), AddPast(layer, "value", heads, size));

    /// <summary>The names of a layer's keys and values after the step.</summary>
    public (string Key, string Value) Present(int layer, int heads, int size)
    {
        var (key, value) = ($"present.{Text(layer)}.key", $"present.{Text(layer)}.value");
        _presents.Add((new GraphValue(key), [Batch, heads, "present", size]));
        _presents.Add((new GraphValue(value), [Batch, heads, "present", size]));
        return (key, value);
    }

    /// <summary>Declares what a layer carries from step to step that does not grow, [batch, …].</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="name">Its name, such as <c>conv_state</c>.</param>
    /// <param name="shape">The shape of one sequence's.</param>
    /// <returns>The value from the step before, zeros at first; and its name after the step.</returns>
    public (GraphValue Past, string Present) State(int layer, string name, params int[] shape)
    {
        _texts?.RefuseSteps();
        Dimension[] dimensions = [Batch, .. shape.Select(size => (Dimension)size)];
        var past = _graph.AddInput(
            $"past_key_values.{Text(layer)}.{name}", ElementType.Float32, dimensions);
        var present = $"present.{Text(layer)}.{name}";
        _presents.Add((new GraphValue(present), dimensions));
        return (past, present);
    }

    /// <summary>Declares the outputs.</summary>
    public void Complete(GraphValue logits, int vocabularySize)
    {
        _graph.AddOutput(logits, ElementType.Float32, Batch, "kept", vocabularySize);
        foreach (var (value, shape) in _presents)
        {
            _graph.AddOutput(value, ElementType.Float32, shape);
        }
    }

    private GraphValue AddPast(int layer, string part, int heads, int size)
    {
        _texts?.RefuseSteps();
        return _graph.AddInput(
            $"past_key_values.{Text(layer)}.{part}", ElementType.Float32, Batch, heads, "past", size);
    }

    private static string Text(int layer) => layer.ToString(CultureInfo.InvariantCulture);
}
