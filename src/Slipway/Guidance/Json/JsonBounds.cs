using System.Globalization;
using System.Text.Json;

namespace Slipway.Guidance.Json;

/// <summary>The bounds of a number in a schema.</summary>
/// <param name="Least">The lowest value that is allowed, as an integer.</param>
/// <param name="Most">The highest value that is allowed, as an integer.</param>
internal readonly record struct JsonBounds(long Least, long Most)
{
    /// <summary>Reads the bounds; a number between two integers is rounded inwards, which keeps every value valid.</summary>
    public static JsonBounds Read(JsonElement schema, string path)
    {
        var (least, most) = (-JsonNumbers.Largest, JsonNumbers.Largest);
        Take("minimum", value => least = Math.Max(least, (long)Math.Ceiling(value)));
        Take("exclusiveMinimum", value => least = Math.Max(least, (long)Math.Floor(value) + 1));
        Take("maximum", value => most = Math.Min(most, (long)Math.Floor(value)));
        Take("exclusiveMaximum", value => most = Math.Min(most, (long)Math.Ceiling(value) - 1));
        return new(least, most);

        void Take(string keyword, Action<double> use)
        {
            if (schema.TryGetProperty(keyword, out var value))
            {
                if (value.ValueKind != JsonValueKind.Number || !(Math.Abs(value.GetDouble()) <= JsonNumbers.Largest))
                {
                    throw new ArgumentException(string.Create(
                        CultureInfo.InvariantCulture,
                        $"The JSON schema has '{value.GetRawText()}' at '{path}/{keyword}'; expected a number of at most {JsonNumbers.Largest}."));
                }

                use(value.GetDouble());
            }
        }
    }

    /// <summary>The numbers within the bounds.</summary>
    /// <exception cref="NotSupportedException">No integer lies within them.</exception>
    public GrammarElement ToGrammar(bool integers, string path)
    {
        if (Least > Most)
        {
            throw new NotSupportedException(
                $"The JSON schema's bounds at '{path}' hold no integer, and numbers within such bounds cannot be guaranteed. "
                + "Widen them, and check the value in your code.");
        }

        return integers ? JsonNumbers.Integers(Least, Most)
            : (Least, Most) == (-JsonNumbers.Largest, JsonNumbers.Largest) ? JsonNumbers.Number
            : JsonNumbers.Numbers(Least, Most);
    }
}
