using System.Text.RegularExpressions;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>
/// GPT-2's pre-tokenizer: words with their leading space, numbers, punctuation, white space; then bytes.
/// </summary>
internal sealed partial class ByteLevelSplitter(bool addPrefixSpace, bool useRegex) : TextSplitter
{
    private static readonly PatternSplitter WordSplitter = new(Words(), "Isolated", invert: false, null);

    public override bool UsesBytes => true;

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

    [GeneratedRegex(
        @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        RegexOptions.CultureInvariant)]
    private static partial Regex Words();
}
