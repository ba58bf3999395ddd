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
internal static class CorpusSplits
{
    /// <summary>Says in which part a text is; kind keeps equal texts of different kinds apart.</summary>
    /// <param name="kind">What the text is, such as a wording.</param>
    /// <param name="text">The text.</param>
    /// <param name="heldOutPercent">How many of a hundred texts are held out.</param>
    public static CorpusSplit Of(string kind, string text, int heldOutPercent)
    {
        var hash = Hash(text, Hash(kind, 0xCBF29CE484222325) * 0x100000001B3);
        hash ^= hash >> 29;
        hash *= 0xBF58476D1CE4E5B9;
        hash ^= hash >> 32;
        return hash % 100 < (ulong)heldOutPercent ? CorpusSplit.HeldOut : CorpusSplit.Training;
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
