namespace Slipway.LanguageModels.Proof;

/// <summary>Finds out whether what comes later changes what was said before.</summary>
internal static class CausalityProof
{
    // Rows that are computed together with others, as those of one expert, are rounded in another order.
    private const float Tolerance = 1e-5f;

    /// <summary>Changes later ids and compares the logits before them.</summary>
    /// <param name="module">The module.</param>
    /// <param name="length">The length of the sequences.</param>
    /// <exception cref="NotSupportedException">They change.</exception>
    public static void Require(LanguageModule module, int length)
    {
        Random random = new(3);
        long[] ids = [.. Enumerable.Range(0, length).Select(_ => random.NextInt64(module.VocabularySize))];
        var logits = module.Logits(ids, 1);
        foreach (var first in ((int[])[1, length / 3, length / 2, length - 1]).Where(first => first > 0).Distinct())
        {
            long[] changed = [.. ids];
            for (var position = first; position < length; position++)
            {
                changed[position] = (ids[position] + 1 + random.NextInt64(module.VocabularySize - 1))
                    % module.VocabularySize;
            }

            var before = module.Logits(changed, 1).AsSpan(0, first * module.VocabularySize);
            var changes = FirstDifference(before, logits.AsSpan(0, before.Length));
            if (changes >= 0)
            {
                throw new NotSupportedException(
                    $"'{module.Name}' is not causal: with other ids from position {first} on, the logits of position "
                    + $"{changes / module.VocabularySize} change. Mask what comes later; a module that sees both sides "
                    + "is exported by 'OnnxModule.Export'.");
            }
        }
    }

    // The first logit that differs by more than rounding of the largest; -1 where none does.
    private static int FirstDifference(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        var scale = 0f;
        foreach (var logit in expected)
        {
            scale = float.IsFinite(logit) ? Math.Max(scale, Math.Abs(logit)) : scale;
        }

        for (var index = 0; index < actual.Length; index++)
        {
            if (!actual[index].Equals(expected[index])
                && !(Math.Abs(actual[index] - expected[index]) <= Tolerance * scale))
            {
                return index;
            }
        }

        return -1;
    }
}
