using Slipway.Tokenization.Normalizers;

namespace Slipway.Tokenization;

/// <summary>Holds the control tokens that a tokenizer must not find where a text is only said. Immutable.</summary>
/// <remarks>
/// Control tokens are looked for before the normalizer runs, also those that the file would look for after it: what the
/// normalizer first makes of a text's characters is never one.
/// </remarks>
internal sealed class TokenGuard
{
    private readonly Dictionary<int, string> _control;
    private readonly TextNormalizer? _normalizer;
    private readonly AddedTokenMatcher _normalizedControl;

    public TokenGuard(AddedToken[] added, IReadOnlyCollection<AddedToken> control, TextNormalizer? normalizer)
    {
        _control = control.DistinctBy(token => token.Id).ToDictionary(token => token.Id, token => token.Content);
        _normalizer = normalizer;
        Raw = new AddedTokenMatcher(added.Where(token => !token.Normalized || _control.ContainsKey(token.Id)));
        Normalized = AddedTokenMatcher.AfterNormalizer(
            added.Where(token => token.Normalized && !_control.ContainsKey(token.Id)), normalizer);
        _normalizedControl = new AddedTokenMatcher(control);
    }

    /// <summary>Finds added tokens before the normalizer runs.</summary>
    public AddedTokenMatcher Raw { get; }

    /// <summary>Finds added tokens after it.</summary>
    public AddedTokenMatcher Normalized { get; }

    /// <summary>Tells whether an id is a control token's.</summary>
    public bool IsControl(int id) => _control.ContainsKey(id);

    /// <summary>Tells whether the model itself, not a look for added tokens, has read a control token.</summary>
    public bool IsSpelled(ReadOnlySpan<char> piece, ReadOnlySpan<int> ids)
    {
        foreach (var id in ids)
        {
            if (_control.TryGetValue(id, out var content) && piece.IndexOf(content, StringComparison.Ordinal) >= 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Tells whether the normalizer makes a control token of a text that spells none.</summary>
    public bool SpellsNormalized(string text) => _normalizer is not null
        && _normalizedControl.Split(_normalizer.Normalize(text)).Any(part => part.Id >= 0);
}
