namespace Slipway;

/// <summary>Holds the logits of every position of a sequence.</summary>
public sealed class TokenLogits
{
    internal TokenLogits(int length, int vocabularySize)
    {
        Length = length;
        VocabularySize = vocabularySize;
        Values = new float[checked(length * vocabularySize)];
    }

    /// <summary>Positions.</summary>
    public int Length { get; }

    /// <summary>Logits of one position.</summary>
    public int VocabularySize { get; }

    /// <summary>The logits of a position, which predict the token after it.</summary>
    /// <param name="position">The position, from 0.</param>
    public ReadOnlySpan<float> this[int position]
        => Values.AsSpan(checked(position * VocabularySize), VocabularySize);

    /// <summary>All logits, [position, vocabulary].</summary>
    public ReadOnlyMemory<float> Memory => Values;

    internal float[] Values { get; }
}
