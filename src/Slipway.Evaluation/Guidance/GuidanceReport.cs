namespace Slipway.Evaluation.Guidance;

/// <summary>Holds what guidance costs on this machine.</summary>
/// <param name="VocabularySize">Tokens of the vocabulary.</param>
/// <param name="Tools">Tools of the list.</param>
/// <param name="VocabularyTime">The time to sort the vocabulary's bytes, once for a model.</param>
/// <param name="CompileTime">The median time to compile the tool list.</param>
/// <param name="FirstMask">The median time of a token's mask, in answers that nobody gave before.</param>
/// <param name="FirstMaskNinth">The time that nine in ten of those masks take at most.</param>
/// <param name="FirstMaskLongest">The longest time of those.</param>
/// <param name="Mask">The median time of a token's mask, in answers of states that were met before.</param>
/// <param name="MaskLongest">The longest time of those.</param>
/// <param name="ForcedShare">The share of tokens that needed no mask, because there was no choice.</param>
public sealed record GuidanceReport(
    int VocabularySize,
    int Tools,
    TimeSpan VocabularyTime,
    TimeSpan CompileTime,
    TimeSpan FirstMask,
    TimeSpan FirstMaskNinth,
    TimeSpan FirstMaskLongest,
    TimeSpan Mask,
    TimeSpan MaskLongest,
    double ForcedShare);
