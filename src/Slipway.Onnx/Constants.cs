using System.Runtime.InteropServices;

namespace Slipway.Onnx;

/// <summary>Small constants that stand in the graph file.</summary>
/// <remarks>Equal constants of a graph are one initializer, named by its value.</remarks>
public static class Constants
{
    /// <summary>A list of 64-bit integers, [count].</summary>
    public static GraphValue Ints(this NodeScope scope, params ReadOnlySpan<long> values) =>
        Add<long>(scope, ElementType.Int64, [values.Length], values);

    /// <summary>A 64-bit integer, a scalar.</summary>
    public static GraphValue Int(this NodeScope scope, long value) => Add<long>(scope, ElementType.Int64, [], [value]);

    /// <summary>A number, a scalar.</summary>
    public static GraphValue Float(this NodeScope scope, float value) =>
        Add<float>(scope, ElementType.Float32, [], [value]);

    private static GraphValue Add<T>(NodeScope scope, ElementType type, long[] shape, ReadOnlySpan<T> values)
        where T : unmanaged, IFormattable
    {
        ArgumentNullException.ThrowIfNull(scope);
        List<string> words = [];
        foreach (var value in values)
        {
            words.Add(value.ToString(null, System.Globalization.CultureInfo.InvariantCulture));
        }

        var list = string.Join(",", words);
        var name = $"/constants/{type}/{(shape.Length == 0 ? list : $"[{list}]")}";
        return scope.Graph.FindInitializer(name) is { } present
            ? new GraphValue(present.Name)
            : scope.Graph.AddInitializer(
                new Initializer(name, type, shape, new TensorData.Inline(MemoryMarshal.AsBytes(values).ToArray())));
    }
}
