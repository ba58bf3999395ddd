namespace Slipway.Onnx;

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
