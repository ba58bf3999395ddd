using TorchSharp;

namespace Slipway.Tracing.Sizes;

/// <summary>The inputs of a module: tensors by name, with their axes, and arguments that stay as they are.</summary>
internal sealed class ModuleInputs
{
    private const int FewValues = 4;
    private readonly object?[] _arguments;
    private readonly Dictionary<(string, int), string> _axes;

    private ModuleInputs(
        object?[] arguments, IReadOnlyList<(string Name, torch.Tensor Example)> tensors,
        Dictionary<(string, int), string> axes, IReadOnlyList<DynamicAxis> sizes)
        => (_arguments, Tensors, _axes, Sizes) = (arguments, tensors, axes, sizes);

    /// <summary>The tensors.</summary>
    public IReadOnlyList<(string Name, torch.Tensor Example)> Tensors { get; }

    /// <summary>The named sizes.</summary>
    public IReadOnlyList<DynamicAxis> Sizes { get; }

    /// <summary>Reads what a caller gave.</summary>
    /// <exception cref="ArgumentException">Names or axes do not fit the inputs.</exception>
    public static ModuleInputs Read(
        IReadOnlyList<object?> arguments, IReadOnlyList<string> parameters, OnnxModuleOptions options)
    {
        List<(string Name, torch.Tensor Example)> tensors = [];
        for (var index = 0; index < arguments.Count; index++)
        {
            if (index < parameters.Count)
            {
                tensors.AddRange(Recording.TensorTree.Named(arguments[index], parameters[index]));
            }
        }

        if (options.InputNames is { } names)
        {
            if (names.Count != tensors.Count || names.Distinct(StringComparer.Ordinal).Count() != names.Count)
            {
                throw new ArgumentException(
                    $"The inputs hold {tensors.Count} tensors; 'InputNames' has {names.Count} names "
                    + $"('{string.Join("', '", names)}'). Give one name to each.", nameof(options));
            }

            tensors = [.. tensors.Select((item, index) => (names[index], item.Example))];
        }

        foreach (var (name, example) in tensors)
        {
            if (example.IsInvalid)
            {
                throw new ArgumentException($"The input '{name}' is disposed. Give a live tensor.", nameof(arguments));
            }

            if (example.is_sparse || example.is_complex())
            {
                throw new ArgumentException(
                    $"The input '{name}' is sparse or complex, which ONNX has no form for here. Give dense, real "
                    + "numbers; complex ones as a last axis of 2.", nameof(arguments));
            }
        }

        var (axes, sizes) = Axes(tensors, options);
        return new ModuleInputs([.. arguments], tensors, axes, sizes);
    }

    /// <summary>The name of an axis; null where it is fixed.</summary>
    public string? AxisName(string input, int axis) => _axes.GetValueOrDefault((input, axis));

    /// <summary>The sizes of the example, by name.</summary>
    public IReadOnlyDictionary<string, long> ExampleSizes()
    {
        Dictionary<string, long> found = new(StringComparer.Ordinal);
        foreach (var ((input, axis), name) in _axes)
        {
            var size = Tensors.First(item => item.Name == input).Example.shape[axis];
            if (found.TryGetValue(name, out var other) && other != size)
            {
                throw new ArgumentException(
                    $"Axes named '{name}' have sizes {other} and {size} in the example. Give them one size, or two "
                    + "names.");
            }

            found[name] = size;
        }

        return Sizes.ToDictionary(size => size.Name, size => found[size.Name], StringComparer.Ordinal);
    }

    /// <summary>Makes arguments of given sizes, with elements drawn from the example's.</summary>
    public (object?[] Arguments, torch.Tensor[] Tensors) Make(IReadOnlyDictionary<string, long> sizes, Random random)
    {
        var made = Tensors.Select(item => Resize(item.Name, item.Example, sizes, random)).ToArray();
        return (Replace(made), made);
    }

    /// <summary>The example itself.</summary>
    public (object?[] Arguments, torch.Tensor[] Tensors) Example()
    {
        var made = Tensors.Select(item => item.Example.detach().clone()).ToArray();
        return (Replace(made), made);
    }

    /// <summary>Arguments with given tensors.</summary>
    public object?[] Replace(torch.Tensor[] tensors)
    {
        Queue<torch.Tensor> queue = new(tensors);
        return [.. _arguments.Select(argument => ArgumentTree.Replace(argument, queue))];
    }

    private torch.Tensor Resize(
        string name, torch.Tensor example, IReadOnlyDictionary<string, long> sizes, Random random)
    {
        long[] shape = [.. example.shape.Select((size, axis) =>
            AxisName(name, axis) is { } named ? sizes[named] : size)];
        var count = shape.Aggregate(1L, (total, size) => total * size);
        using var scope = torch.NewDisposeScope();
        var flat = example.detach().cpu().reshape(-1);
        if (flat.numel() == 0 || count == 0)
        {
            return torch.zeros(shape, example.dtype, example.device).DetachFromDisposeScope();
        }

        var picks = torch.tensor(Enumerable.Range(0, (int)count).Select(_ => random.NextInt64(flat.numel())).ToArray());
        var values = flat.index_select(0, picks);
        if (example.is_floating_point() && Distinct(flat) > FewValues)
        {
            var factors = torch.tensor(
                Enumerable.Range(0, (int)count).Select(_ => 0.5f + random.NextSingle()).ToArray());
            values = values * factors.to(example.dtype);
        }
        else if (Distinct(flat) == 1 && example.dtype != torch.ScalarType.Bool)
        {
            values = Vary(values, example, random);
        }

        return values.reshape(shape).to(example.dtype).to(example.device).DetachFromDisposeScope();
    }

    // An example of zeros or ones tells nothing of the elements: small numbers are tried.
    private static torch.Tensor Vary(torch.Tensor values, torch.Tensor example, Random random)
        => example.is_floating_point()
            ? torch.tensor(Enumerable.Range(0, (int)values.numel())
                .Select(_ => (random.NextSingle() * 2) - 1).ToArray()).to(example.dtype)
            : torch.tensor(Enumerable.Range(0, (int)values.numel())
                .Select(_ => random.NextInt64(2)).ToArray()).to(example.dtype);

    private static long Distinct(torch.Tensor flat)
        => flat.narrow(0, 0, Math.Min(flat.numel(), 4096)).unique().output.numel();

    private static (Dictionary<(string, int), string> Axes, IReadOnlyList<DynamicAxis> Sizes) Axes(
        List<(string Name, torch.Tensor Example)> tensors, OnnxModuleOptions options)
    {
        Dictionary<(string, int), string> axes = [];
        Dictionary<string, DynamicAxis> sizes = new(StringComparer.Ordinal);
        foreach (var ((input, axis), size) in options.DynamicAxes)
        {
            if (tensors.Find(item => item.Name == input).Example is not { } example || axis >= example.ndim)
            {
                throw new ArgumentException(
                    $"'DynamicAxes' names axis {axis} of '{input}'; the inputs are "
                    + $"'{string.Join("', '", tensors.Select(item => $"{item.Name}[{item.Example.ndim} axes]"))}'.",
                    nameof(options));
            }

            axes[(input, axis)] = size.Name;

            // A bare name takes the limits that another axis of that name declares.
            if (!sizes.TryGetValue(size.Name, out var known) || known == new DynamicAxis(size.Name))
            {
                sizes[size.Name] = size;
            }
            else if (size != known && size != new DynamicAxis(size.Name))
            {
                throw new ArgumentException(
                    $"The size '{size.Name}' is declared as {known} and as {size}. Declare its limits once.",
                    nameof(options));
            }
        }

        foreach (var (name, example) in tensors.Where(item => options.DynamicBatch && item.Example.ndim > 0))
        {
            if (axes.TryAdd((name, 0), OnnxModule.BatchName))
            {
                sizes.TryAdd(OnnxModule.BatchName, new DynamicAxis(OnnxModule.BatchName));
            }
        }

        foreach (var size in sizes.Values)
        {
            if (size.Min < 0 || size.Multiple < 1 || size.Max < size.Min)
            {
                throw new ArgumentException(
                    $"The size '{size.Name}' is declared as {size}. 'Min' is at most 'Max', 'Multiple' at least 1.",
                    nameof(options));
            }
        }

        return (axes, [.. sizes.Values]);
    }
}
