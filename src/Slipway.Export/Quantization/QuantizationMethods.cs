namespace Slipway.Export.Quantization;

/// <summary>The table of quantization methods.</summary>
public static class QuantizationMethods
{
    /// <summary>Every method, the default first.</summary>
    public static IReadOnlyList<QuantizationMethod> All { get; } = [new SearchedScales(), new RoundToNearest()];

    /// <summary>The method that is used where none is named.</summary>
    public static QuantizationMethod Default => All[0];

    /// <summary>Finds a method by its name.</summary>
    /// <param name="name">Its <see cref="QuantizationMethod.Name"/>, in any case.</param>
    /// <exception cref="ArgumentException">No method has that name; the message lists those that there are.</exception>
    public static QuantizationMethod Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return All.FirstOrDefault(method => method.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException(
                $"There is no quantization method '{name}'. Choose one of " +
                $"{string.Join(", ", All.Select(method => $"'{method.Name}'"))}.", nameof(name));
    }
}
