namespace Slipway.Onnx;

/// <summary>
/// A computation: nodes in an order in which each finds its inputs, and the constants that they read.
/// </summary>
/// <remarks>Plain objects, not safe for concurrent use.</remarks>
public sealed class Graph
{
    private readonly List<Node> _nodes = [];
    private readonly List<GraphPort> _inputs = [];
    private readonly List<GraphPort> _outputs = [];
    private readonly Dictionary<string, Initializer> _initializers = new(StringComparer.Ordinal);
    private readonly HashSet<string> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _nodeNames = new(StringComparer.Ordinal);

    /// <summary>Creates an empty graph.</summary>
    /// <param name="name">The graph's name.</param>
    public Graph(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        Name = name;
    }

    /// <summary>The graph's name.</summary>
    public string Name { get; }

    /// <summary>The operations, in order.</summary>
    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>Inputs that callers give.</summary>
    public IReadOnlyList<GraphPort> Inputs => _inputs;

    /// <summary>Outputs that callers get.</summary>
    public IReadOnlyList<GraphPort> Outputs => _outputs;

    /// <summary>The constants.</summary>
    public IReadOnlyCollection<Initializer> Initializers => _initializers.Values;

    /// <summary>Declares an input.</summary>
    public GraphValue AddInput(string name, ElementType type, params IReadOnlyList<Dimension> shape)
    {
        Define(name);
        _inputs.Add(new GraphPort(name, type, shape));
        return new GraphValue(name);
    }

    /// <summary>Declares an input that callers may leave out.</summary>
    /// <param name="fallback">The constant of the input's name that it has then.</param>
    /// <param name="shape">The input's dimensions; none for the constant's.</param>
    public GraphValue AddOptionalInput(Initializer fallback, params IReadOnlyList<Dimension> shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        var value = AddInitializer(fallback);
        _inputs.Add(new GraphPort(
            fallback.Name, fallback.Type,
            shape.Count > 0 ? shape : [.. fallback.Shape.Select(size => (Dimension)size)]));
        return value;
    }

    /// <summary>Declares a value that exists as an output.</summary>
    public void AddOutput(GraphValue value, ElementType type, params IReadOnlyList<Dimension> shape)
    {
        if (!_values.Contains(value.ToString()))
        {
            throw new ArgumentException($"Nothing in the graph computes '{value}'.", nameof(value));
        }

        _outputs.Add(new GraphPort(value.Name, type, shape));
    }

    /// <summary>Adds a constant.</summary>
    public GraphValue AddInitializer(Initializer initializer)
    {
        ArgumentNullException.ThrowIfNull(initializer);
        Define(initializer.Name);
        _initializers.Add(initializer.Name, initializer);
        return new GraphValue(initializer.Name);
    }

    /// <summary>Finds a constant by its name; null where there is none.</summary>
    public Initializer? FindInitializer(string name) => _initializers.GetValueOrDefault(name);

    /// <summary>Adds a node after those that compute its inputs.</summary>
    /// <exception cref="ArgumentException">
    /// An input does not exist yet, or the name of the node or of an output is taken.
    /// </exception>
    public void AddNode(Node node)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (node.Inputs.FirstOrDefault(input => input.Length > 0 && !_values.Contains(input)) is { } missing)
        {
            throw new ArgumentException($"Node '{node.Name}' reads '{missing}', which nothing computes before it.");
        }

        if (!_nodeNames.TryAdd(node.Name, 1))
        {
            throw new ArgumentException($"The graph has a node '{node.Name}' already.");
        }

        foreach (var output in node.Outputs.Where(output => output.Length > 0))
        {
            Define(output);
        }

        _nodes.Add(node);
    }

    /// <summary>Gives a value that a node computes, and that no node reads yet, another name.</summary>
    public GraphValue Rename(GraphValue value, string name)
    {
        var index = _nodes.FindIndex(node => node.Outputs.Contains(value.ToString()));
        if (index < 0 || _nodes.Exists(node => node.Inputs.Contains(value.Name)))
        {
            throw new ArgumentException($"No node computes '{value}', or one reads it already.", nameof(value));
        }

        Define(name);
        _values.Remove(value.Name);
        var node = _nodes[index];
        _nodes[index] = node with
        {
            Outputs = [.. node.Outputs.Select(output => output == value.Name ? name : output)],
        };
        return new GraphValue(name);
    }

    /// <summary>Returns the name itself, or with the first free number where a node has it already.</summary>
    public string FreeNodeName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!_nodeNames.TryGetValue(name, out var taken))
        {
            return name;
        }

        string numbered;
        do
        {
            numbered = $"{name}_{taken++}";
        }
        while (_nodeNames.ContainsKey(numbered));
        _nodeNames[name] = taken;
        return numbered;
    }

    private void Define(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!_values.Add(name))
        {
            throw new ArgumentException($"The graph has a value '{name}' already.", nameof(name));
        }
    }
}

/// <summary>A tensor in a graph, known by its name.</summary>
/// <param name="Name">The name, unique in the graph.</param>
/// <remarks>The default value stands for an optional input that is left out.</remarks>
public readonly record struct GraphValue(string Name)
{
    /// <summary>Returns the name; empty for an input left out.</summary>
    public override string ToString() => Name ?? "";
}

/// <summary>Describes an input or output of a graph.</summary>
/// <param name="Name">The name that callers bind tensors to.</param>
/// <param name="Type">The type of the elements.</param>
/// <param name="Shape">The dimensions, outermost first.</param>
public sealed record GraphPort(string Name, ElementType Type, IReadOnlyList<Dimension> Shape);

/// <summary>One operation of a graph.</summary>
/// <param name="Name">The name, unique in the graph: a path such as <c>/model/layers.0/mlp/Mul</c>.</param>
/// <param name="Domain">The operator's domain; empty for ONNX's own.</param>
/// <param name="OpType">The operator.</param>
/// <param name="Inputs">What it reads, in the schema's order; an empty name leaves an optional input out.</param>
/// <param name="Outputs">What it writes; an empty name leaves an optional output out.</param>
/// <param name="Attributes">Its constant parameters.</param>
public sealed record Node(
    string Name,
    string Domain,
    string OpType,
    IReadOnlyList<string> Inputs,
    IReadOnlyList<string> Outputs,
    IReadOnlyList<NodeAttribute> Attributes);

/// <summary>A constant parameter of a node.</summary>
/// <param name="Name">The name that the operator's schema gives it.</param>
public abstract record NodeAttribute(string Name)
{
    /// <summary>An integer.</summary>
    public sealed record Int(string Name, long Value) : NodeAttribute(Name);

    /// <summary>A number.</summary>
    public sealed record Float(string Name, float Value) : NodeAttribute(Name);

    /// <summary>A text.</summary>
    public sealed record Text(string Name, string Value) : NodeAttribute(Name);

    /// <summary>A list of integers.</summary>
    public sealed record Ints(string Name, IReadOnlyList<long> Values) : NodeAttribute(Name);

    /// <summary>A list of numbers.</summary>
    public sealed record Floats(string Name, IReadOnlyList<float> Values) : NodeAttribute(Name);

    /// <summary>A list of texts.</summary>
    public sealed record Texts(string Name, IReadOnlyList<string> Values) : NodeAttribute(Name);

    /// <summary>A value of a kind that this library reads past; a graph that holds one cannot be written.</summary>
    public sealed record Unread(string Name, int Kind) : NodeAttribute(Name);
}

/// <summary>A constant tensor of a graph.</summary>
/// <param name="Name">The name, unique in the graph.</param>
/// <param name="Type">The type of the elements.</param>
/// <param name="Shape">The dimensions, outermost first; empty for a scalar.</param>
/// <param name="Data">Where the elements are.</param>
public sealed record Initializer(string Name, ElementType Type, IReadOnlyList<long> Shape, TensorData Data);

/// <summary>Place of a constant tensor's elements: in the graph file, or in a file beside it.</summary>
/// <remarks>Elements are stored row-major and little-endian.</remarks>
public abstract record TensorData
{
    private TensorData()
    {
    }

    /// <summary>The number of bytes.</summary>
    public abstract long Length { get; }

    /// <summary>Elements that stand in the graph file.</summary>
    /// <param name="Bytes">The elements.</param>
    public sealed record Inline(ReadOnlyMemory<byte> Bytes) : TensorData
    {
        /// <inheritdoc/>
        public override long Length => Bytes.Length;
    }

    /// <summary>Elements that stand in a file beside the graph file.</summary>
    /// <param name="File">The file's path relative to the graph file.</param>
    /// <param name="Offset">The first byte.</param>
    /// <param name="Count">The number of bytes.</param>
    public sealed record External(string File, long Offset, long Count) : TensorData
    {
        /// <inheritdoc/>
        public override long Length => Count;
    }
}
