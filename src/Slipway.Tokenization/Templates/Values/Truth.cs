namespace Slipway.Tokenization.Templates.Values;

/// <summary>The truth of a value, as Python's <c>bool</c>.</summary>
internal static class Truth
{
    public static bool Of(object? value) => value switch
    {
        null or Undefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        System.Numerics.BigInteger number => !number.IsZero,
        string text => text.Length > 0,
        Markup markup => markup.Text.Length > 0,
        List<object?> list => list.Count > 0,
        TemplateDictionary fields => fields.Count > 0,
        _ => true,
    };
}
