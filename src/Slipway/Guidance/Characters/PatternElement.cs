using System.Collections.Concurrent;

namespace Slipway.Guidance.Characters;

/// <summary>Rest of a text of a language, as UTF-8; of a quoted text its last quote too.</summary>
/// <remarks>Elements are made when first needed, equal ones once. Safe for concurrent use.</remarks>
internal sealed class PatternElement : TerminalElement
{
    private readonly Texts _texts;
    private readonly int _state;
    private readonly int _count;
    private readonly string _begun; // the bytes of a character that is not whole yet, a character for each

    private PatternElement(Texts texts, int state, int count, string begun)
        => (_texts, _state, _count, _begun) = (texts, state, count, begun);

    public override bool MayEnd
        => !_texts.Form.IsQuoted && _begun.Length == 0 && _texts.Language.MayEnd(_state, _count);

    /// <summary>The texts of a language.</summary>
    /// <exception cref="ArgumentException">There is no text in it.</exception>
    public static GrammarElement Of(PatternLanguage language, CharacterForm form)
        => language.IsEmpty
            ? throw new ArgumentException("No text satisfies the pattern within its bounds of length.")
            : new Texts(language, form).At(0, 0, "") ?? Empty;

    // A character is a byte at least.
    public override bool IsLike(TerminalElement other, int bytes)
        => other is PatternElement pattern && pattern._texts == _texts && pattern._state == _state
        && pattern._begun == _begun
            && _texts.Language.IsLike(_count, pattern._count, bytes);

    public override bool TryTake(byte value, out GrammarElement? rest)
    {
        rest = null;
        if (_begun.Length == 0 && value == '"' && _texts.Form.IsQuoted)
        {
            return _texts.Language.MayEnd(_state, _count);
        }

        var bytes = _begun + (char)value;
        return bytes[0] == '\\' && _texts.Form.IsQuoted
            ? TryTakeEscape(bytes.Length > 2 ? bytes.ToLowerInvariant() : bytes, out rest)
            : TryTakeBytes(bytes, out rest);
    }

    private bool TryTakeEscape(string bytes, out GrammarElement? rest)
    {
        rest = null;
        foreach (var (character, escape) in _texts.Form.Escapes)
        {
            if (escape.StartsWith(bytes, StringComparison.Ordinal) && After(character) is >= 0 and var next)
            {
                rest = escape.Length > bytes.Length
                    ? _texts.At(_state, _count, bytes)
                    : _texts.At(next, _texts.Language.CountAfter(_count), "");
                return true;
            }
        }

        return false;
    }

    private bool TryTakeBytes(string bytes, out GrammarElement? rest)
    {
        rest = null;
        var (first, last, missing) = Utf8Range.Of(bytes);
        if (missing > 0)
        {
            var comes = MayComeWithin(first, last);
            rest = comes ? _texts.At(_state, _count, bytes) : null;
            return comes;
        }

        if (missing < 0 || _texts.Form.Escapes.ContainsKey(first) || After(first) is not (>= 0 and var next))
        {
            return false;
        }

        rest = _texts.At(next, _texts.Language.CountAfter(_count), "");
        return true;
    }

    private int After(int character)
        => _texts.Language.Next(_state, _count, _texts.Language.Automaton.Alphabet.ClassOf(character));

    private bool MayComeWithin(int first, int last)
    {
        var alphabet = _texts.Language.Automaton.Alphabet;
        for (var run = alphabet.RunOf(first); run < alphabet.Starts.Length && alphabet.Starts[run] <= last; run++)
        {
            if (_texts.Language.Next(_state, _count, alphabet.ClassOfRun(run)) >= 0)
            {
                return true;
            }
        }

        return false;
    }

    private sealed class Texts(PatternLanguage language, CharacterForm form)
    {
        private readonly ConcurrentDictionary<(int State, int Count, string Begun), PatternElement?> _elements = [];

        public PatternLanguage Language => language;

        public CharacterForm Form => form;

        /// <summary>Rest in a state; null for nothing.</summary>
        public PatternElement? At(int state, int count, string begun)
            => _elements.GetOrAdd(
                (state, count, begun), static (key, texts) => texts.New(key.State, key.Count, key.Begun), this);

        private PatternElement? New(int state, int count, string begun)
        {
            var goesOn = form.IsQuoted || begun.Length > 0 || Enumerable.Range(0, language.Automaton.Alphabet.Count)
                .Any(characterClass => language.Next(state, count, characterClass) >= 0);
            return goesOn ? new(this, state, count, begun) : null;
        }
    }
}
