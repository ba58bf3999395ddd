using System.Text;

namespace Slipway.Guidance;

/// <summary>Any text up to one of several tags, each with what follows it.</summary>
/// <remarks>
/// An element stands for the beginning of a tag that the text ends with; that of no beginning is what is built. Tags
/// are found wherever they stand, the first that is whole wins. Source: Aho and Corasick, 1975.
/// </remarks>
internal sealed class TextElement : TerminalElement
{
    private readonly Tags _tags;
    private readonly string _held; // a character for each byte

    private TextElement(Tags tags, string held) => (_tags, _held) = (tags, held);

    /// <summary>Tells whether the text may end anywhere and is guarded by nothing but its tags.</summary>
    public override bool IsFree => _tags.IsFree;

    /// <summary>Tells whether what follows may come without a tag.</summary>
    public override bool MayEnd => _tags.IsFree;

    public override IReadOnlyCollection<GrammarElement> Parts => _tags.Followers;

    /// <summary>Any text that may end anywhere.</summary>
    /// <param name="tags">What follows each tag; null where the tag may not come up.</param>
    public static TextElement Free(params (string Tag, GrammarElement? Then)[] tags)
        => new Tags(tags, isFree: true).Start;

    /// <summary>Any text that ends with one of the tags.</summary>
    /// <param name="tags">What follows each tag; null where the tag may not come up.</param>
    public static TextElement Until(params (string Tag, GrammarElement? Then)[] tags)
        => new Tags(tags, isFree: false).Start;

    public override bool TryTake(byte value, out GrammarElement? rest)
    {
        rest = _tags.After(_held + (char)value);
        return rest is not null;
    }

    private sealed class Tags
    {
        private readonly Dictionary<string, TextElement> _beginnings = new(StringComparer.Ordinal);
        private readonly (string Tag, GrammarElement? Then)[] _tags;

        public Tags((string Tag, GrammarElement? Then)[] tags, bool isFree)
        {
            IsFree = isFree;
            _tags = [.. tags.Select(row => (Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(row.Tag)), row.Then))];
            Start = _beginnings[""] = new(this, "");
            foreach (var (tag, _) in _tags)
            {
                for (var length = 1; length < tag.Length; length++)
                {
                    _beginnings.TryAdd(tag[..length], new(this, tag[..length]));
                }
            }
        }

        public bool IsFree { get; }

        public IReadOnlyCollection<GrammarElement> Followers
            => [.. _tags.Select(row => row.Then).OfType<GrammarElement>()];

        public TextElement Start { get; }

        public GrammarElement? After(string text)
        {
            foreach (var (tag, then) in _tags)
            {
                if (text.EndsWith(tag, StringComparison.Ordinal))
                {
                    return then;
                }
            }

            var start = 0;
            TextElement? beginning;
            while (!_beginnings.TryGetValue(text[start..], out beginning))
            {
                start++;
            }

            return beginning;
        }
    }
}
