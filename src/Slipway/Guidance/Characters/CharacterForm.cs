namespace Slipway.Guidance.Characters;

/// <summary>Says how texts are written: as they are, or within a JSON string.</summary>
internal abstract class CharacterForm
{
    /// <summary>As they are.</summary>
    public static CharacterForm Plain { get; } = new PlainForm();

    /// <summary>Tells whether the text ends with a quote, which is a part of it.</summary>
    public abstract bool IsQuoted { get; }

    /// <summary>The characters that cannot stand as they are, each with how it is written instead.</summary>
    public abstract IReadOnlyDictionary<int, string> Escapes { get; }

    private sealed class PlainForm : CharacterForm
    {
        public override bool IsQuoted => false;

        public override IReadOnlyDictionary<int, string> Escapes { get; } = new Dictionary<int, string>();
    }
}

/// <summary>Writes texts within a JSON string: what can stand as it is does. Source: RFC 8259.</summary>
internal sealed class JsonCharacterForm : CharacterForm
{
    /// <param name="forbidden">Characters that stand only escaped, all of them ASCII.</param>
    public JsonCharacterForm(string forbidden)
    {
        var escapes = Enumerable.Range(0, 0x20).Append(0x7F).Concat(forbidden.Select(character => (int)character))
            .Distinct()
            .ToDictionary(character => character, character => $"\\u{character:x4}");
        foreach (var (character, escape) in new[] { ('"', '"'), ('\\', '\\'), ('\b', 'b'), ('\f', 'f'), ('\n', 'n'),
            ('\r', 'r'), ('\t', 't') })
        {
            escapes[character] = $"\\{escape}";
        }

        Escapes = escapes;
    }

    public override bool IsQuoted => true;

    public override IReadOnlyDictionary<int, string> Escapes { get; }
}
