using System.Numerics.Tensors;

namespace Slipway.Tensors;

/// <summary>Compares tensors with the inputs of a graph.</summary>
internal static class TensorChecks
{
    /// <summary>Requires what a run needs.</summary>
    /// <exception cref="ArgumentException">Tensors do not fit; the message names all of them.</exception>
    public static void Require(IReadOnlyList<TensorPort> ports, NamedTensors inputs)
    {
        List<string> errors = [];
        Dictionary<string, (long Size, string Input)> sizes = new(StringComparer.Ordinal);
        foreach (var port in ports)
        {
            if (!inputs.TryGet(port.Name, out var tensor))
            {
                errors.Add($"'{port.Name}' is missing; expected {port}.");
                continue;
            }

            Compare(port, tensor!, sizes, errors);
        }

        foreach (var name in inputs.Names.Where(name => ports.All(port => port.Name != name)))
        {
            errors.Add(
                $"'{name}' is no input of the graph; it has '{string.Join("', '", ports.Select(port => port.Name))}'.");
        }

        if (errors.Count > 0)
        {
            throw new ArgumentException(string.Join(' ', errors), nameof(inputs));
        }
    }

    /// <summary>The number of rows of a request.</summary>
    public static long Rows(NamedTensors inputs) => inputs.First().Value.Lengths[0];

    private static void Compare(
        TensorPort port, IReadOnlyTensor tensor, Dictionary<string, (long Size, string Input)> sizes,
        List<string> errors)
    {
        var type = NamedTensors.ElementType(tensor);
        if (type != port.ElementType)
        {
            errors.Add($"'{port.Name}' has elements of type '{type.Name}'; expected {port}.");
        }

        var shape = tensor.Lengths;
        var fits = shape.Length == port.Shape.Count;
        for (var axis = 0; fits && axis < shape.Length; axis++)
        {
            fits = port.Shape[axis] is not { } size || size == shape[axis];
        }

        if (!fits)
        {
            errors.Add($"'{port.Name}' has the shape {TensorPort.Text(shape)}; expected {port}.");
            return;
        }

        for (var axis = 0; axis < shape.Length; axis++)
        {
            if (port.SizeNames[axis] is { } name && !sizes.TryAdd(name, (shape[axis], port.Name))
                && sizes[name].Size != shape[axis])
            {
                errors.Add(
                    $"The size '{name}' is {shape[axis]} in '{port.Name}' and {sizes[name].Size} in "
                    + $"'{sizes[name].Input}'; give it one size.");
            }
        }
    }
}
