using System.Text.Json;

namespace Slipway.Guidance.Json;

/// <summary>Numbers the schemas within a schema, and the constants in it, by where they stand.</summary>
internal sealed class SchemaNodes
{
    /// <summary>The schema that nothing satisfies.</summary>
    public const int Nothing = 0;

    /// <summary>The schema that every value satisfies.</summary>
    public const int Anything = 1;

    private readonly Dictionary<(string Path, bool IsConstant), int> _numbers = [];
    private readonly List<(string Path, JsonElement Value, bool IsConstant)> _nodes = [default, default];

    public (string Path, JsonElement Value, bool IsConstant) this[int node] => _nodes[node];

    /// <summary>The path of a part of what stands at a path.</summary>
    public static string PathOf(string path, string name)
        => $"{path}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";

    public int Schema(string path, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => Anything,
        JsonValueKind.False => Nothing,
        _ => Number(path, value, isConstant: false),
    };

    public int Constant(string path, JsonElement value) => Number(path, value, isConstant: true);

    private int Number(string path, JsonElement value, bool isConstant)
    {
        if (!_numbers.TryGetValue((path, isConstant), out var number))
        {
            _numbers[(path, isConstant)] = number = _nodes.Count;
            _nodes.Add((path, value, isConstant));
        }

        return number;
    }
}
