using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>Writes spaces as a visible character, puts one in front, and begins a piece at each.</summary>
internal sealed class MetaspaceSplitter(char replacement, string scheme, bool split) : TextSplitter
{
    public static MetaspaceSplitter Parse(Section section) => new(
        ParseReplacement(section), ParseScheme(section), section.Bool("split", true));

    public static char ParseReplacement(Section section)
    {
        var replacement = section.String("replacement");
        return replacement.Length == 1 && !char.IsSurrogate(replacement[0])
            ? replacement[0] : throw section["replacement"].Wrong("one character");
    }

    /// <summary>"always", "first" or "never"; older files say <c>add_prefix_space</c>.</summary>
    public static string ParseScheme(Section section)
    {
        var scheme = section.OptionalString("prepend_scheme") ?? "always";
        return scheme is not ("always" or "first" or "never")
            ? throw section["prepend_scheme"].Wrong("'always', 'first' or 'never'")
            : section.Bool("add_prefix_space", true) ? scheme : "never";
    }

    public override void Split(Piece piece, List<Piece> pieces)
    {
        var marked = piece.Text.Contains(' ')
            ? piece with { Source = piece.Text.ToString().Replace(' ', replacement), Offset = 0 } : piece;
        if (marked.Text[0] != replacement && (scheme == "always" || (scheme == "first" && piece.Start == 0)))
        {
            marked = marked.Prepend(replacement.ToString());
        }

        var start = 0;
        var text = marked.Text;
        while (split && text[(start + 1)..].IndexOf(replacement) is >= 0 and var length)
        {
            pieces.Add(marked.Slice(start, start + 1 + length));
            start += 1 + length;
        }

        pieces.Add(marked.Slice(start, text.Length));
    }
}
