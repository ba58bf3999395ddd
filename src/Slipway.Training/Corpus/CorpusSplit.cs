using System.Text;

namespace Slipway.Training.Corpus;

/// <summary>Names a part of the corpus.</summary>
public enum CorpusSplit
{
    /// <summary>What the model learns from.</summary>
    Training,

    /// <summary>What nothing in training has shown: other wordings, other entity names, other tools together.</summary>
    HeldOut,
}

/// <summary>Assigns texts to the parts of a corpus by their hash, so that a text is always in the same part.</summary>
/// <param name="HeldOutPercent">How many of a hundred texts are held out.</param>
/// <param name="Salt">Enters the hash of names, so that a grammar can choose which common names it trains on.</param>
internal sealed record SplitRule(int HeldOutPercent, string Salt)
{
    /// <summary>Says in which part an entity's name is.</summary>
    public CorpusSplit OfName(string name) => Of("name" + Salt, name);

    /// <summary>Says in which part a wording is; its slots are still open.</summary>
    public CorpusSplit OfWording(string wording) => Of("wording", wording);

    /// <summary>Says in which part a set of offered tools is.</summary>
    public CorpusSplit OfTools(string names) => Of("tools", names);

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
