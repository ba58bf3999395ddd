using Slipway.Onnx;
using Slipway.Tracing.Passes;
using Slipway.Tracing.Recording;
using Slipway.Tracing.Sizes;
using TorchSharp;

namespace Slipway.Tracing.Graphs;

/// <summary>Turns aligned runs of a module into a graph.</summary>
internal sealed class GraphBuilder
{
    private readonly IReadOnlyList<Trace> _runs;
    private readonly GraphConstants _constants;
    private readonly ParameterTable _parameters;
    private readonly NodeScope _root;
    private readonly SizeEmitter _sizes;
    private readonly ValueAnalysis _analysis;
    private readonly Dictionary<int, GraphValue> _values = [];
    private readonly Dictionary<string, GraphValue> _named = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);
    private TracedCall? _current;

    public GraphBuilder(
        IReadOnlyList<Trace> runs, string name, int opset, GraphConstants constants, ParameterTable parameters)
    {
        _parameters = parameters;
        _runs = runs;
        _constants = constants;
        Opset = opset;
        Graph = new Graph(name);
        _root = new NodeScope(Graph, "");
        _sizes = new SizeEmitter(new NodeScope(Graph, "/sizes"));
        _analysis = new ValueAnalysis(runs, parameters);
    }

    public Graph Graph { get; }

    /// <summary>The types and sizes of the values that tracing saw, by name.</summary>
    public Dictionary<string, ValueInfo> Infos { get; } = new(StringComparer.Ordinal);

    /// <summary>The version of ONNX's operators.</summary>
    public int Opset { get; }

    /// <summary>Builds the graph.</summary>
    /// <param name="inputs">The inputs' names and named sizes.</param>
    /// <param name="outputs">The outputs' names.</param>
    /// <param name="steps">Takes the results of all operations as outputs too; null for the outputs alone.</param>
    public void Build(
        IReadOnlyList<(string Name, IReadOnlyList<Dimension> Shape)> inputs, IReadOnlyList<string> outputs,
        Proof.StepComparison? steps = null)
    {
        var first = _runs[0];
        for (var index = 0; index < inputs.Count; index++)
        {
            var value = first.Inputs[index];
            var port = Graph.AddInput(inputs[index].Name, ElementTypes.Of(value.Type), inputs[index].Shape);
            Define(value, port);
        }

        var needed = _analysis.Needed([.. first.Outputs.Select(output => output.Value)]);
        for (var index = 0; index < first.Calls.Count; index++)
        {
            if (needed.Contains(first.Calls[index]))
            {
                Emit(index);
            }
        }

        for (var index = 0; index < outputs.Count; index++)
        {
            AddOutput(first.Outputs[index].Value, outputs[index], inputs);
        }

        foreach (var value in steps is null ? [] : needed.SelectMany(call => call.Results))
        {
            if (_values.ContainsKey(value.Id))
            {
                AddOutput(value, steps!.Add(value), inputs);
            }
        }
    }

    /// <summary>The sizes of a value over the runs.</summary>
    public IReadOnlyList<TracedSize> Shape(TracedValue value) => _analysis.Shape(value);

    /// <summary>Tells whether neither inputs nor their sizes decide a value.</summary>
    public bool IsFoldable(TracedValue value) => _analysis.IsFoldable(value);

    /// <summary>The value in the graph.</summary>
    public GraphValue Value(TracedValue value)
    {
        if (_values.TryGetValue(value.Id, out var known))
        {
            return known;
        }

        if (value.Origin == ValueOrigin.Constant && !_analysis.IsFoldable(value))
        {
            throw UntraceableModuleException.At(
                _current?.Place ?? new TracePlace("", null),
                "It uses a tensor that differs between runs and that tracing did not see being made (in native code, "
                + "on another thread, or from numbers read out of tensors). Compute it with tensors in 'forward'.");
        }

        if (value.Origin == ValueOrigin.Parameter)
        {
            return Define(value, Weight(value.Name, "", value.Held!));
        }

        var name = Free(value.Call is { } call ? $"{ScopeOf(call).Path}/{call.Name}" : "/constants/tensor");
        return Define(value, _constants.AddOnce(Graph, name, value.Held!));
    }

    /// <summary>A parameter of a module that torch computes itself.</summary>
    /// <param name="tensor">The parameter.</param>
    /// <param name="suffix">Tells apart what is made of it; empty for the parameter itself.</param>
    /// <param name="arrange">Makes it; null for the parameter itself.</param>
    public GraphValue Weight(
        torch.Tensor tensor, string suffix = "", Func<torch.Tensor, torch.Tensor>? arrange = null)
    {
        var name = _parameters.Find(tensor)?.Name ?? $"/constants/{TensorMemory.Digest(tensor)[..16]}";
        if (arrange is null)
        {
            return Weight(name, suffix, tensor);
        }

        if (_named.TryGetValue(name + suffix, out var known))
        {
            return known;
        }

        using var arranged = arrange(tensor);
        return Weight(name, suffix, arranged);
    }

    /// <summary>A constant's elements in another arrangement, for one that nothing else reads.</summary>
    public GraphValue Rearranged(TracedValue value, string suffix, Func<torch.Tensor, torch.Tensor> arrange)
        => Weight(value.Held!, suffix, arrange);

    /// <summary>Adds nodes with another value in a value's place.</summary>
    public GraphValue With(TracedValue value, GraphValue other, Func<GraphValue> add)
    {
        var had = _values.TryGetValue(value.Id, out var known);
        _values[value.Id] = other;
        try
        {
            return add();
        }
        finally
        {
            if (had)
            {
                _values[value.Id] = known;
            }
            else
            {
                _ = _values.Remove(value.Id);
            }
        }
    }

    /// <summary>Counts the calls that read a parameter's memory.</summary>
    public int Uses(TracedValue value) => _analysis.Uses(value);

    /// <summary>A number as a scalar constant.</summary>
    public GraphValue Constant(double value, ElementType type)
    {
        if (type == ElementType.Float32)
        {
            return _root.Float((float)value);
        }

        if (type == ElementType.Int64)
        {
            return _root.Int((long)value);
        }

        var name = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/constants/{type}/{value:R}");
        return Graph.FindInitializer(name) is { } present
            ? new GraphValue(present.Name)
            : Graph.AddInitializer(new Initializer(name, type, [], new TensorData.Inline(Elements.Bytes(value, type))));
    }

    /// <summary>A number that may vary with sizes, as a scalar.</summary>
    public GraphValue Scalar(NodeScope scope, double[] runs, ElementType type)
    {
        if (Array.TrueForAll(runs, value => value.Equals(runs[0])))
        {
            return Constant(runs[0], type);
        }

        // n, 1/n, √n and 1/√n are what modules make of sizes.
        (Func<double, double> Inverse, string[] Operations)[] forms =
        [
            (value => value, []), (value => 1 / value, ["Reciprocal"]), (value => value * value, ["Sqrt"]),
            (value => 1 / (value * value), ["Sqrt", "Reciprocal"]),
        ];
        foreach (var (inverse, operations) in forms)
        {
            var numbers = Array.ConvertAll(runs, value => inverse(value));
            if (!Array.TrueForAll(numbers, value => Math.Abs(value - Math.Round(value)) <= 1e-5 * Math.Abs(value)))
            {
                continue;
            }

            TracedSize number = new(Array.ConvertAll(numbers, value => (long)Math.Round(value)));
            if (_sizes.TryEmit(number) is not { } size)
            {
                continue;
            }

            var value = scope.AddNode(OnnxModel.StandardDomain, "Squeeze", [size, scope.Ints(0)]);
            var real = operations.Length > 0 && !ElementTypes.IsReal(type) ? ElementType.Float32 : type;
            value = scope.AddNode(
                OnnxModel.StandardDomain, "Cast", [value], new NodeAttribute.Int("to", (long)real));
            foreach (var operation in operations)
            {
                value = scope.AddNode(OnnxModel.StandardDomain, operation, [value]);
            }

            return value;
        }

        throw UntraceableModuleException.At(
            _current!.Place,
            $"A number was {string.Join(", ", runs)} at different sizes of inputs, which no expression of sizes gives. "
            + "Compute it with tensors, or fix the axes that it depends on.");
    }

    /// <summary>Sizes as int64 [count].</summary>
    public GraphValue Emit(OperationCall call, IReadOnlyList<TracedSize> sizes)
    {
        try
        {
            return _sizes.Emit(sizes);
        }
        catch (SizeException exception)
        {
            throw call.Refused(
                $"An integer of '{call.Name}' was {exception.Size} at different sizes of inputs, which no expression "
                + "of sizes gives: a threshold, a table or a number that was read. Fix the axis, or declare 'Min', "
                + "'Max' or 'Multiple' so that one expression holds.");
        }
    }

    private GraphValue Weight(string name, string suffix, torch.Tensor tensor)
    {
        if (!_named.TryGetValue(name + suffix, out var known))
        {
            _named[name + suffix] = known = _parameters.IsBuffer(name)
                ? _constants.AddOnce(Graph, name + suffix, tensor) : _constants.Add(Graph, name + suffix, tensor);
        }

        return known;
    }

    private GraphValue Define(TracedValue value, GraphValue graphValue)
    {
        _values[value.Id] = graphValue;
        var shape = Shape(value);
        _sizes.Add(graphValue, shape);
        Infos[graphValue.Name] = new ValueInfo(
            ElementTypes.Of(value.Type), [.. shape.Select(size => size.IsFixed ? size.Value : (long?)null)]);
        return graphValue;
    }

    private void Emit(int index)
    {
        var call = _current = _runs[0].Calls[index];
        if (call.Operation?.Emit is not { } emit)
        {
            throw UntraceableModuleException.At(
                call.Place, $"It calls '{call.Name}', whose result depends on the sizes of inputs and which has no "
                + "form in ONNX here. Say how by 'OnnxOperations.Add', or fix the axes.");
        }

        OperationCall operation = new(this, [.. _runs.Select(run => run.Calls[index])], ScopeOf(call));
        IReadOnlyList<GraphValue> results;
        try
        {
            results = emit(operation);
        }
        catch (NotSupportedException exception) when (exception is not UntraceableModuleException)
        {
            throw UntraceableModuleException.At(call.Place, $"It calls '{call.Name}'. {exception.Message}");
        }

        for (var result = 0; result < Math.Min(results.Count, call.Results.Count); result++)
        {
            if (results[result] != default)
            {
                Define(call.Results[result], results[result]);
            }
        }
    }

    private NodeScope ScopeOf(TracedCall call) => new(Graph, ModulePaths.Scope(call.Place.ModulePath));

    // An output has a name of its own, also where it is an input, a constant or another output.
    private void AddOutput(
        TracedValue value, string name, IReadOnlyList<(string Name, IReadOnlyList<Dimension> Shape)> inputs)
    {
        var source = Value(value);
        var result = _root.AddNode(OnnxModel.StandardDomain, "Identity", [source], [$"={name}"], [])[0];
        Graph.AddOutput(result, ElementTypes.Of(value.Type), [.. Shape(value).Select(size => NameOf(size, inputs))]);
    }

    private Dimension NameOf(TracedSize size, IReadOnlyList<(string Name, IReadOnlyList<Dimension> Shape)> inputs)
    {
        if (size.IsFixed)
        {
            return size.Value;
        }

        for (var input = 0; input < inputs.Count; input++)
        {
            var sizes = Shape(_runs[0].Inputs[input]);
            for (var axis = 0; axis < sizes.Count; axis++)
            {
                if (sizes[axis].Equals(size) && inputs[input].Shape[axis].Name is { } name)
                {
                    return name;
                }
            }
        }

        return default;
    }

    private string Free(string name)
    {
        var count = _names.GetValueOrDefault(name);
        _names[name] = count + 1;
        var free = count == 0 ? name : $"{name}_{count}";
        return Graph.FindInitializer(free) is null ? $"{free}/constant" : Free(name);
    }
}
