namespace Slipway.LanguageModels.Proof;

/// <summary>Finds out whether what comes later changes what was said before.</summary>
internal static class CausalityProof
{
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
            var common = before.CommonPrefixLength(logits.AsSpan(0, before.Length));
            if (common < before.Length)
            {
                throw new NotSupportedException(
                    $"'{module.Name}' is not causal: with other ids from position {first} on, the logits of position "
                    + $"{common / module.VocabularySize} change. Mask what comes later; a module that sees both sides "
                    + "is exported by 'OnnxModule.Export'.");
            }
        }
    }
}
