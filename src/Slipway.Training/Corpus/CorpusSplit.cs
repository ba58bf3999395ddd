using System.Text;

namespace Slipway.Training.Corpus;

/// <summary>Names a part of the corpus.</summary>
public enum CorpusSplit
{
    /// <summary>Part that the model learns from.</summary>
    Training,

    /// <summary>Held-out part: other wordings, other entity names, other tools together than in training.</summary>
    HeldOut,
}

/// <summary>Assigns texts to the parts of a corpus by their hash, so that a text is always in the same part.</summary>
/// <param name="HeldOutPercent">How many of a hundred texts are held out.</param>
/// <param name="Salt">Enters the hash of names, so that a grammar can choose which common names it trains on.</param>
internal sealed record SplitRule(int HeldOutPercent, string Salt)
{
    private HashSet<string> _trained = [];

    /// <summary>Keeps what training says about one thing out of what is held out about another.</summary>
    /// <param name="wordings">All wordings of requests.</param>
    public SplitRule Knowing(IEnumerable<string> wordings) => this with
    {
        _trained = wordings.Where(wording => OfWording(wording) == CorpusSplit.Training).Select(Form)
            .ToHashSet(StringComparer.Ordinal),
    };

    /// <summary>
    /// Tells whether a wording is of a part; one whose form training knows by other slots is of none.
    /// </summary>
    public bool Has(CorpusSplit split, string wording) =>
        OfWording(wording) == split && (split == CorpusSplit.Training || !_trained.Contains(Form(wording)));

    /// <summary>Says in which part an entity's name is.</summary>
    public CorpusSplit OfName(string name) => Of("name" + Salt, name);

    /// <summary>Says in which part a wording is; its slots are still open.</summary>
    public CorpusSplit OfWording(string wording) => Of("wording", wording);

    /// <summary>Says in which part a set of offered tools is.</summary>
    public CorpusSplit OfTools(string names) => Of("tools", names);

    // The wording without the names of its slots.
    private static string Form(string wording) => Pattern.Fill(wording, _ => "{}");

    private CorpusSplit Of(string kind, string text)
    {
        var hash = Hash(text, Hash(kind, 0xCBF29CE484222325) * 0x100000001B3);
        hash ^= hash >> 29;
        hash *= 0xBF58476D1CE4E5B9;
        hash ^= hash >> 32;
        return hash % 100 < (ulong)HeldOutPercent ? CorpusSplit.HeldOut : CorpusSplit.Training;
    }

    // FNV-1a over the UTF-8 bytes.
    private static ulong Hash(string text, ulong hash)
    {
        foreach (var value in Encoding.UTF8.GetBytes(text))
        {
            hash = (hash ^ value) * 0x100000001B3;
        }

        return hash;
    }
}
