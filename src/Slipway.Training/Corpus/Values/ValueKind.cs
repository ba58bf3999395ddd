using System.Text.Json.Nodes;

namespace Slipway.Training.Corpus.Values;

/// <summary>Draws the values of one kind that a grammar defines, such as rooms.</summary>
internal abstract class ValueKind
{
    /// <summary>The JSON schema type of the arguments.</summary>
    public virtual string Type => "string";

    /// <summary>The only arguments there are; null where they are open.</summary>
    public virtual IReadOnlyList<JsonNode>? Choices => null;

    /// <summary>Draws a value that the split may use.</summary>
    public abstract SlotValue Draw(SeededRandom random, CorpusSplit split);

    /// <summary>Finds the kind of a value's part; null where there is no such part.</summary>
    public virtual ValueKind? Field(string name) => null;

    /// <summary>Writes a proper name with capital letters now and then, as people do.</summary>
    protected static string Capitalize(string name, bool proper, SeededRandom random)
    {
        if (!proper || !random.Chance(0.4))
        {
            return name;
        }

        var letters = name.ToCharArray();
        for (var index = 0; index < letters.Length; index++)
        {
            letters[index] = index == 0 || letters[index - 1] == ' '
                ? char.ToUpperInvariant(letters[index]) : letters[index];
        }

        return new string(letters);
    }
}
