using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>
/// GPT-2's pre-tokenizer: words with their leading space, numbers, punctuation, white space; then bytes.
/// </summary>
internal sealed class ByteLevelSplitter(bool addPrefixSpace, bool useRegex) : TextSplitter
{
    private static readonly PatternSplitter WordSplitter =
        new(Pattern.BuiltIn(PublishedPatterns.Gpt2()), "Isolated", invert: false);

    public override bool UsesBytes => true;

    public override bool KeepsWhole => !addPrefixSpace && !useRegex;

    public override void Split(Piece piece, List<Piece> pieces)
    {
        var spaced = addPrefixSpace && piece.Text[0] != ' ' ? piece.Prepend(" ") : piece;
        if (useRegex)
        {
            WordSplitter.Split(spaced, pieces);
        }
        else
        {
            pieces.Add(spaced);
        }
    }
}
