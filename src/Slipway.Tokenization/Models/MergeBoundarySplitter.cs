using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization.Models;

/// <summary>Splits text where no merge joins the characters on both sides, so that each part merges alone.</summary>
/// <remarks>
/// The tokens are those of the whole text: a merge reads two neighbouring tokens only, so one that crosses such a place
/// would be there for its two characters. A tokenizer without a pre-tokenizer gets words that a cache can know.
/// </remarks>
/// <param name="joined">The last character of a merge's first token and the first of its second, by
/// <see cref="Pair"/>.</param>
/// <param name="known">Characters that are tokens: no run of unknown ones, which become one token, is cut.</param>
internal sealed class MergeBoundarySplitter(HashSet<int> joined, HashSet<char> known) : TextSplitter
{
    /// <summary>Two characters as one number.</summary>
    public static int Pair(char left, char right) => (left << 16) | right;

    public override void Split(Piece piece, List<Piece> pieces)
    {
        var text = piece.Text;
        var start = 0;
        for (var i = 1; i < text.Length; i++)
        {
            if (!joined.Contains(Pair(text[i - 1], text[i])) && known.Contains(text[i]))
            {
                pieces.Add(piece.Slice(start, i));
                start = i;
            }
        }

        pieces.Add(piece.Slice(start, text.Length));
    }
}
