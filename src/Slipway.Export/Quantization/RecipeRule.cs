using System.IO.Enumeration;

namespace Slipway.Export.Quantization;

/// <summary>Says how the matrices are stored whose names fit a pattern.</summary>
/// <param name="Pattern">
/// Whole parts of a name, as <c>lm_head</c>, <c>mlp.down_proj</c> or <c>layers.0</c>; <c>*</c> stands for any text.
/// <c>lm_head</c> is also the head that shares its matrix with the embedding.
/// </param>
/// <param name="Format">The way to store them.</param>
public sealed record RecipeRule(string Pattern, MatrixFormat Format)
{
    private const string Head = "lm_head";

    /// <summary>Reads a rule, <c>PATTERN=FORMAT</c>.</summary>
    /// <exception cref="ArgumentException">It has no such form, or the format is not known.</exception>
    public static RecipeRule Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.IndexOf('=', StringComparison.Ordinal);
        return at > 0 && at < text.Length - 1
            ? new RecipeRule(text[..at].Trim(), MatrixFormat.Parse(text[(at + 1)..].Trim()))
            : throw new ArgumentException(
                $"The rule '{text}' has not the form PATTERN=FORMAT, as in 'lm_head=int8' or 'mlp.down_proj=int4/16'.",
                nameof(text));
    }

    /// <summary>Reads rules, one a line; empty lines and those that begin with <c>#</c> are passed over.</summary>
    /// <param name="text">The lines.</param>
    /// <param name="source">Where they come from, for messages.</param>
    /// <exception cref="ArgumentException">A line is no rule; the message has its number.</exception>
    public static IReadOnlyList<RecipeRule> ParseLines(string text, string source)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<RecipeRule> rules = [];
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            if (line.Trim() is { Length: > 0 } rule && rule[0] != '#')
            {
                try
                {
                    rules.Add(Parse(rule));
                }
                catch (ArgumentException exception)
                {
                    throw new ArgumentException($"'{source}', line {number}: {exception.Message}", exception);
                }
            }
        }

        return rules;
    }

    /// <summary>Returns the text that <see cref="Parse"/> reads.</summary>
    public override string ToString() => $"{Pattern}={Format}";

    /// <summary>Tells whether a matrix of that name is meant.</summary>
    /// <param name="name">The name, such as <c>model.layers.0.mlp.down_proj.weight</c>.</param>
    /// <param name="isHead">Whether it makes the logits.</param>
    public bool Fits(string name, bool isHead)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (isHead && Pattern == Head)
        {
            return true;
        }

        // Any run of whole parts may fit.
        var parts = name.Split('.');
        for (var first = 0; first < parts.Length; first++)
        {
            for (var end = parts.Length; end > first; end--)
            {
                if (FileSystemName.MatchesSimpleExpression(
                    Pattern, string.Join('.', parts[first..end]), ignoreCase: false))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
